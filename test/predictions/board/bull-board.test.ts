import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { BullBoard } from '../../../src/predictions/board/bull/bull-board.js';
import { FakeExecutor } from '../../predictor/fake-executor.js';
import { MemoryStore } from '../../store/memory-store.js';
import { samplePrediction, sampleTensor } from '../../store/samples.js';
import { type BoardsUnderTest, boardContract, HandledJobs, plannedId, planOf } from './board-contract.js';
import { NO_REDIS, type RedisServer, startRedis } from './redis-server.js';

const observer = {
  made() {},
  failed() {},
  shared() {},
  storeFailed() {},
  remade() {},
  committed() {},
  takenOver() {},
};

describe.skipIf(NO_REDIS)(`a board in Redis${NO_REDIS ? ` (${NO_REDIS})` : ''}`, () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());
  beforeEach(() => redis.flush());

  /** Two services on one Redis and one store: one that asks and works, one that only asks. */
  async function open(): Promise<BoardsUnderTest> {
    const store = new MemoryStore();
    const handler = new HandledJobs();
    const { keep } = handler;
    handler.keep = async (job, made, signal) => {
      await keep(job, made, signal);
      await store.save({ ...samplePrediction(1), record: job.record });
    };
    const options = {
      url: redis.url,
      store,
      observer,
      memoryBytes: () => 1e12,
      maxQueue: 64,
      maxWaitMilliseconds: 1e9,
      onRefusal: () => {},
    };
    const worker = new BullBoard({ ...options, executor: new FakeExecutor() });
    worker.work(handler);
    const api = new BullBoard(options);
    for (const board of [worker, api]) {
      board.start();
      onTestFinished(() => board.close());
    }
    await expect.poll(() => [worker, api].map(({ fleet }) => fleet.workers.length)).toEqual([1, 1]);
    return { boards: [worker, api], handler };
  }
  boardContract(open);

  it('hands a small network over to all who wait for it, wherever they do, when it is stored', async () => {
    const { boards, handler } = await open();
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
});
