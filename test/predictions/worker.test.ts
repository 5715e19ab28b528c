import { describe, expect, it } from 'vitest';
import type { WorkedJob } from '../../src/predictions/board/board.js';
import { NotStoredError } from '../../src/predictions/errors.js';
import { Worker } from '../../src/predictions/worker.js';
import { StoreBusyError } from '../../src/store/store.js';
import { FakeExecutor } from '../predictor/fake-executor.js';
import { MemoryStore } from '../store/memory-store.js';
import { samplePrediction } from '../store/samples.js';
import { plannedId, planOf } from './board/board-contract.js';

const observer = {
  made() {},
  failed() {},
  shared() {},
  storeFailed() {},
  remade() {},
  committed() {},
  takenOver() {},
};
const signal = new AbortController().signal;

/** A worker on a fake executor and a store in memory, and a job that it has nobody else to tell of. */
function workOn(n: number, store = new MemoryStore()) {
  const executor = new FakeExecutor();
  const worker = new Worker({ executor, store, observer, timeoutMilliseconds: 60_000 });
  const plan = planOf(n);
  const seen: string[] = [];
  let { record } = plan;
  const job: WorkedJob = {
    plan,
    get record() {
      return record;
    },
    async confirm() {},
    update(fields) {
      record = { ...record, ...fields };
      seen.push(record.status);
    },
    mayBeStored: true,
    origin: { since: 0 },
    begin: (stage) => void seen.push(stage),
  };
  return { worker, executor, store, job, seen };
}

describe('a worker', () => {
  it('makes a network, reports its progress, and stores it with its statistics', async () => {
    const { worker, store, job, seen } = workOn(1);
    const made = (await worker.make(job, signal))!;
    expect(seen).toEqual(['running', 'graph', 'encode', 'decode', 'succeeded']);
    expect(worker.isBusy).toBe(false);
    await worker.keep(job, made);
    expect(await store.record(plannedId(1))).toMatchObject({
      status: 'succeeded',
      generation: expect.stringMatching(/^[0-9a-f]{16}$/),
      statistics: { count: 634 },
      overflow: 0,
      latency_ms: { decode: 1 },
    });
  });

  it('does not make a stored prediction again, and returns its record', async () => {
    const { worker, executor, store, job } = workOn(1);
    await store.save(samplePrediction(1, { id: plannedId(1) }));
    expect(await worker.make(job, signal)).toBeNull();
    expect(executor.jobs).toBe(0);
    expect(job.record).toEqual((await store.record(plannedId(1)))!);
  });

  it('returns the record of the service that has stored it first', async () => {
    const { worker, store, job } = workOn(1);
    const made = (await worker.make(job, signal))!;
    await store.save(samplePrediction(1, { id: plannedId(1) }));
    await worker.keep(job, made);
    expect(job.record.generation).toBe(samplePrediction(1).record.generation);
  });

  it('reports that its result could not be stored', async () => {
    const { worker, job } = workOn(1, new MemoryStore(10));
    const made = (await worker.make(job, signal))!;
    await expect(worker.keep(job, made)).rejects.toThrow(NotStoredError);
  });

  it('tries again to store its result while a shared store is unreachable', async () => {
    let isAway = 3;
    class SharedStore extends MemoryStore {
      readonly promises = { promise: async () => {}, settle: async () => {}, all: async function* () {} };
      override async save(...given: Parameters<MemoryStore['save']>) {
        if (isAway-- > 0) throw new StoreBusyError('the bucket cannot be reached: try again');
        return super.save(...given);
      }
      override async record(id: string) {
        if (isAway > 0) throw new StoreBusyError('the bucket cannot be reached: try again');
        return super.record(id);
      }
    }
    const { worker, store, job } = workOn(1, new SharedStore());
    const made = (await worker.make(job, signal))!;
    await worker.keep(job, made);
    expect(await store.record(job.record.id)).toMatchObject({ status: 'succeeded' });
    isAway = Number.POSITIVE_INFINITY;
    const given = new AbortController();
    const kept = worker.keep(job, made, given.signal);
    given.abort(new Error('given up'));
    await expect(kept).rejects.toThrow('given up');
  });
});
