import { describe, expect, it } from 'vitest';
import { Admission, OverloadedError } from '../../../src/predictions/admission.js';
import { MemoryBoard } from '../../../src/predictions/board/memory-board.js';
import { NotStoredError } from '../../../src/predictions/errors.js';
import { PredictorUnavailableError } from '../../../src/predictor/executor.js';
import { boardContract, HandledJobs, plannedId, planOf } from './board-contract.js';

const observer = {
  made() {},
  failed() {},
  shared() {},
  storeFailed() {},
  remade() {},
  committed() {},
  takenOver() {},
};

function boardOf({ executor = { ready: true, readySoon: true }, maxQueue = 64 } = {}) {
  const admission = new Admission({
    maxQueue,
    maxWaitMilliseconds: 1e9,
    memoryBytes: () => 1e12,
    crowdedAnswers: () => 0,
    onRefusal: () => {},
  });
  const handler = new HandledJobs();
  const board = new MemoryBoard({ admission, executor, observer });
  board.work(handler);
  return { board, handler };
}

describe('a board in memory', () => {
  boardContract(async () => {
    const { board, handler } = boardOf();
    return { boards: [board], handler };
  });

  it('gives out results before they are stored, and reports if storing fails', async () => {
    const { board, handler } = boardOf();
    let fail!: (error: Error) => void;
    handler.keep = () => new Promise((_, reject) => (fail = reject));
    const { made } = await board.submit(planOf(1), new AbortController().signal);
    const network = (await made())!;
    expect(network).toMatchObject({ record: { status: 'succeeded' }, tensors: [{ name: 'fc.weight' }] });
    expect(await board.made(plannedId(1))).toMatchObject({ tensors: network.tensors });
    fail(new NotStoredError(new Error('the disk is full')));
    await network.settled;
    expect(await board.made(plannedId(1))).toBeNull();
    expect(await board.view(plannedId(1))).toMatchObject({ status: 'failed', error: { code: 'not_stored' } });
  });

  it('accepts nothing that its executor would refuse, or that is too much', async () => {
    const starting = boardOf({ executor: { ready: false, readySoon: true } });
    const waiter = new AbortController().signal;
    await expect(starting.board.submit(planOf(1), waiter)).rejects.toThrow(PredictorUnavailableError);
    await starting.board.submit(planOf(1));
    const dead = boardOf({ executor: { ready: false, readySoon: false } });
    await expect(dead.board.submit(planOf(1))).rejects.toThrow('could not be started');
    expect(await dead.board.views()).toEqual([]);
    const full = boardOf({ maxQueue: 1 });
    full.handler.hold();
    for (const n of [1, 2]) await full.board.submit(planOf(n));
    await expect(full.board.submit(planOf(3))).rejects.toThrow(OverloadedError);
    await full.board.submit(planOf(2));
  });
});
