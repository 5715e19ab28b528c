import { setImmediate } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { deferred } from '../../../src/async/deferred.js';
import { BullBoard } from '../../../src/predictions/board/bull/bull-board.js';
import { PredictorUnavailableError } from '../../../src/predictor/executor.js';
import { FakeExecutor } from '../../predictor/fake-executor.js';
import { MemoryStore } from '../../store/memory-store.js';
import { idOf, samplePrediction, sampleTensor } from '../../store/samples.js';
import { type BoardsUnderTest, boardContract, HandledJobs, plannedId, planOf } from './board-contract.js';
import {
  NO_REDIS,
  type RedisServers,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from './redis-server.js';

const observer = {
  made() {},
  failed() {},
  shared() {},
  storeFailed() {},
  remade() {},
  committed() {},
  takenOver() {},
};

/** A worker's executor, whose engine dies and comes back at the test's command. */
class MortalExecutor extends FakeExecutor {
  override ready = true;
  #back = deferred<void>();

  die(): void {
    this.ready = false;
    this.#back = deferred();
  }

  comeBack(): void {
    this.ready = true;
    this.#back.resolve();
  }

  override whenReady(): Promise<void> {
    return this.#back.promise;
  }
}

/** Two services on one Redis and one store: one that asks and works, one that only asks. */
async function open(url: string, executor = new FakeExecutor()): Promise<BoardsUnderTest> {
  const store = new MemoryStore();
  const handler = new HandledJobs();
  const { keep } = handler;
  handler.keep = async (job, made, signal) => {
    await keep(job, made, signal);
    await store.save({ ...samplePrediction(1), record: job.record });
  };
  const options = {
    url,
    store,
    observer,
    memoryBytes: () => 1e12,
    maxQueue: 64,
    maxWaitMilliseconds: 1e9,
    onRefusal: () => {},
  };
  const worker = new BullBoard({ ...options, executor });
  worker.work(handler);
  const api = new BullBoard(options);
  for (const board of [worker, api]) {
    board.start();
    onTestFinished(() => board.close());
  }
  await expect.poll(() => [worker, api].every(({ fleet }) => fleet.workers.length > 0)).toBe(true);
  return { boards: [worker, api], handler };
}

describe.skipIf(NO_REDIS)(`a board in Redis${NO_REDIS ? ` (${NO_REDIS})` : ''}`, () => {
  describe.each([
    ['of one server', () => startRedis()],
    ['of a cluster of three servers', () => startRedisCluster()],
    ['of a server that Sentinel watches over', () => startRedisSentinel()],
  ])('%s', (_, start) => {
    let redis: RedisServers;
    beforeAll(async () => {
      redis = await start();
    });
    afterAll(() => redis?.stop());
    beforeEach(() => redis.flush());
    boardContract(() => open(redis.url));
  });

  it('continues when a replica has taken over from the server', async () => {
    const redis = await startRedisSentinel();
    onTestFinished(() => redis.stop());
    const { boards } = await open(redis.url);
    const { signal } = new AbortController();
    await (await boards[1].submit(planOf(1), signal)).made();
    await redis.failOver();
    // The replica may not know the worker until that announces itself again.
    const made = async () => {
      await (await boards[1].submit(planOf(2), signal)).made();
      return 'made';
    };
    await expect.poll(() => made().catch(() => 'refused')).toBe('made');
  });

  it('ignores data of others in Redis, and continues', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const { boards } = await open(redis.url);
    const { signal } = new AbortController();
    const first = await boards[0]!.submit(planOf(1), signal);
    await first.made();
    const { record } = planOf(2);
    const graph = { name: 'x', nodes: [], edges: [] };
    await redis.ask(async (client) => {
      const [meta] = await client.keys('*:meta');
      const name = meta!.slice('{ghn}:'.length, -':meta'.length);
      const queue = new Queue(name, { connection: client, prefix: '{ghn}' });
      const garbled = [
        null,
        'x',
        {},
        { record: 7 },
        { record: { id: record.id } },
        { record, architecture: 7 },
      ];
      for (const [k, data] of garbled.entries())
        await queue.add('predict', data, { jobId: `p${idOf(100 + k)}` });
      // A record of another id, and a graph that does not unpack.
      await queue.add('predict', { record, architecture: graph }, { jobId: `p${idOf(200)}` });
      await queue.add('predict', { record, architecture: { deflated: '!' } }, { jobId: `p${record.id}` });
      await client.set(`{ghn}:${name}:p${idOf(300)}`, 'no job');
      await client.hset(`{ghn}:${name}:p${idOf(301)}`, 'data', 'no JSON');
    });
    for (const board of boards) {
      for (const n of [100, 103, 200, 300, 301]) expect(await board.view(idOf(n))).toBeNull();
      const ids = (await board.views()).map(({ id }) => id);
      expect(ids.filter((id) => id !== record.id)).toEqual([]);
    }
    await expect.poll(async () => (await boards[1]!.view(record.id))?.status).toBe('failed');
    const next = await boards[1]!.submit(planOf(3), signal);
    await next.made();
  });

  it('sends a small network to all waiting clients at any service when it is stored', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const { boards, handler } = await open(redis.url);
    const release = handler.hold();
    const { signal } = new AbortController();
    const waits = await Promise.all(boards.map((board) => board.submit(planOf(1), signal)));
    const networks = waits.map(({ made }) => made());
    release();
    for (const network of await Promise.all(networks)) {
      expect(network!.record).toMatchObject({ id: plannedId(1), generation: handler.kept[0].generation });
      expect(network!.tensors).toEqual([sampleTensor('fc.weight', [10, 16], [10, 16], 1)]);
    }
  });

  describe('with two workers', () => {
    const openWorkers = async () => {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const workers = await Promise.all(
        [1, 2].map(async () => {
          const executor = new MortalExecutor();
          return { executor, ...(await open(redis.url, executor)) };
        }),
      );
      const [{ boards }] = workers;
      // A worker that knows of no other one treats the death of its engine differently.
      const known = () => workers.flatMap((worker) => worker.boards.map(({ workers: count }) => count));
      await expect.poll(known).toEqual([2, 2, 2, 2]);
      return { api: boards[1], workers };
    };
    const { signal } = new AbortController();

    it('leaves what waits for an engine that restarts to the worker that has one', async () => {
      const { api, workers } = await openWorkers();
      const [dead, alive] = workers;
      dead.executor.die();
      for (let n = 1; n <= 10; n++) await (await api.submit(planOf(n), signal)).made();
      expect(alive.handler.begun).toHaveLength(10);
      expect(dead.handler.begun).toEqual([]);
      dead.executor.comeBack();
      alive.executor.die();
      for (let n = 11; n <= 20; n++) await (await api.submit(planOf(n), signal)).made();
      expect(dead.handler.begun).toHaveLength(10);
    });

    it('fails what three engines have died of, whichever workers they belong to', async () => {
      const { api, workers } = await openWorkers();
      let deaths = 0;
      for (const { executor, handler } of workers) {
        const { make } = handler;
        handler.make = async (job, jobSignal) => {
          if (job.plan.work.seed !== 7) return make(job, jobSignal);
          deaths++;
          executor.die();
          void setImmediate().then(() => executor.comeBack());
          throw new PredictorUnavailableError('the engine has ended');
        };
      }
      const fatal = await api.submit(planOf(7), signal);
      await expect(fatal.made()).rejects.toThrow(PredictorUnavailableError);
      expect(deaths).toBe(3);
      await (await api.submit(planOf(1), signal)).made();
    });
  });
});
