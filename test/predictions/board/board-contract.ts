import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { JobBoard, JobEvent, JobHandler } from '../../../src/predictions/board/board.js';
import { CancelledError } from '../../../src/predictions/errors.js';
import { type Plan, plan } from '../../../src/predictions/plan.js';
import { readPredictRequest } from '../../../src/predictions/request.js';
import { resolveArchitecture } from '../../../src/predictions/resolve.js';
import { PredictorUnavailableError } from '../../../src/predictor/executor.js';
import type { PredictionRecord } from '../../../src/record/record.js';
import { LIMITS, tinyGraph } from '../../architecture/fixtures.js';
import { FakeExecutor } from '../../predictor/fake-executor.js';
import { sampleTensor } from '../../store/samples.js';

/** A board in a test's hands, as one or more services see it. */
export interface BoardsUnderTest {
  /** The same board from every service: jobs of the first are worked on by a handler of the test's. */
  readonly boards: readonly JobBoard[];
  readonly handler: HandledJobs;
}

const GONE = new Error('the client has gone');
const NOTHING = { graph: 0, encode: 0, decode: 0, postprocess: 0 };

const { description } = new FakeExecutor();

/** The plan of the n-th prediction. */
export function planOf(n: number): Plan {
  const request = readPredictRequest({ architecture: tinyGraph(), seed: n }, LIMITS);
  const { architecture, milliseconds } = resolveArchitecture(request, LIMITS);
  return plan(request, architecture, milliseconds, description.ghns[0], description);
}

/** The id of the n-th prediction. */
export const plannedId = (n: number): string => planOf(n).record.id;

/** Makes and keeps jobs when the test says so, as often as it is asked to. */
export class HandledJobs implements JobHandler {
  /** The ids of all that were begun, in their order. */
  readonly begun: string[] = [];
  readonly kept: PredictionRecord[] = [];
  #gate: Promise<void> = Promise.resolve();
  #failure: Error | null = null;
  running = 0;
  mostRunning = 0;

  hold(): () => void {
    let open!: () => void;
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }

  failNext(error: Error): void {
    this.#failure = error;
  }

  make: JobHandler['make'] = async (job, signal) => {
    this.begun.push(job.record.id);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    try {
      job.update({ status: 'running' });
      job.begin('encode');
      await Promise.race([
        this.#gate,
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      ]);
      signal.throwIfAborted();
      const failure = this.#failure;
      this.#failure = null;
      if (failure) throw failure;
      job.update({ status: 'succeeded', generation: 'a1b2c3d4e5f60718' });
      const tensors = [sampleTensor('fc.weight', [10, 16], [10, 16], job.plan.work.seed)];
      return { tensors, latency: NOTHING, statistics: new Promise(() => {}) };
    } finally {
      this.running--;
    }
  };

  keep: JobHandler['keep'] = async (job) => {
    this.kept.push(job.record);
  };
}

const client = () => new AbortController();

/** Tests that every board must pass, through any of the services that share it. */
export function boardContract(open: () => Promise<BoardsUnderTest>): void {
  /** The board as one service sees it, as another does, and what works on it. */
  const opened = async () => {
    const { boards, handler } = await open();
    return { board: boards[0], other: boards.at(-1)!, handler };
  };
  const statusOf = async (board: JobBoard, n: number) => (await board.view(plannedId(n)))?.status;

  describe('clients', () => {
    it('take turns at every service, and the last task of a queue runs at the turn of any client that requests it', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      await board.submit(planOf(1), undefined, 'many');
      await expect.poll(() => handler.begun).toEqual([plannedId(1)]);
      for (const n of [2, 3, 4, 5]) await board.submit(planOf(n), undefined, 'many');
      await other.submit(planOf(6), undefined, 'few');
      await other.submit(planOf(5), undefined, 'another');
      release();
      await expect.poll(() => handler.begun.length).toBe(6);
      const turns = handler.begun.map((id) => [1, 2, 3, 4, 5, 6].find((n) => plannedId(n) === id)!);
      const place = (n: number) => turns.indexOf(n);
      expect(place(6)).toBeLessThan(place(3));
      expect(place(5)).toBeLessThan(place(3));
      expect(place(3)).toBeLessThan(place(4));
      for (const n of [1, 2, 3, 4, 5, 6]) await board.settled(plannedId(n));
    });
  });

  describe('a requested prediction', () => {
    it('is made once for all clients that request it meanwhile at any service, and is kept', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      const asked = await Promise.all([
        board.submit(planOf(1), client().signal),
        other.submit(planOf(1), client().signal),
        board.submit(planOf(1)),
      ]);
      expect(asked.map(({ record }) => record.id)).toEqual([plannedId(1), plannedId(1), plannedId(1)]);
      await expect.poll(() => handler.begun).toEqual([plannedId(1)]);
      release();
      await Promise.all(asked.map(({ made }) => made()));
      await board.settled(plannedId(1));
      await other.settled(plannedId(1));
      expect(handler.kept.map(({ id, generation }) => [id, generation])).toEqual([
        [plannedId(1), 'a1b2c3d4e5f60718'],
      ]);
      expect(handler.begun).toEqual([plannedId(1)]);
      // From now on the store has it.
      await expect.poll(() => board.view(plannedId(1))).toBeNull();
      expect(await other.settled(plannedId(1))).toBe(false);
    });

    it('is reported while it waits and while it is made, with its inputs', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      await board.submit(planOf(1));
      await expect.poll(() => statusOf(other, 1)).toBe('running');
      await board.submit(planOf(2));
      expect(await statusOf(other, 2)).toBe('queued');
      expect((await other.views()).map(({ id }) => id).sort()).toEqual([plannedId(1), plannedId(2)].sort());
      expect(await other.depth()).toBe(1);
      const asked = await other.request(plannedId(2));
      expect(asked).toMatchObject({
        architecture: { edges: tinyGraph().edges },
      });
      expect(await other.request(plannedId(3))).toBeNull();
      expect(await other.view(plannedId(3))).toBeNull();
      release();
      for (const n of [1, 2]) await board.settled(plannedId(n));
    });

    it('is made in its turn, one at a time', async () => {
      const { board, handler } = await opened();
      const release = handler.hold();
      for (let n = 1; n <= 5; n++) await board.submit(planOf(n));
      release();
      for (let n = 1; n <= 5; n++) await board.settled(plannedId(n));
      expect(handler.begun).toEqual([1, 2, 3, 4, 5].map(plannedId));
      expect(handler.mostRunning).toBe(1);
    });
  });

  describe('clients that wait for a prediction', () => {
    it('cancel it when the last of them leaves', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      const [one, two] = [client(), client()];
      const waits = [await board.submit(planOf(1), one.signal), await other.submit(planOf(1), two.signal)];
      const outcomes = waits.map(({ made }) => made().catch((error: Error) => error));
      await expect.poll(() => handler.begun).toHaveLength(1);
      one.abort(GONE);
      expect(await outcomes[0]).toBe(GONE);
      expect(await statusOf(board, 1)).toBe('running');
      two.abort(GONE);
      expect(await outcomes[1]).toBe(GONE);
      await expect.poll(() => statusOf(board, 1)).toBe('cancelled');
      release();
      const again = await board.submit(planOf(1), client().signal);
      await again.made();
      expect(handler.begun).toHaveLength(2);
    });

    it('do not cancel it for asynchronous clients', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      const gone = client();
      const { made } = await board.submit(planOf(1), gone.signal);
      await other.submit(planOf(1));
      gone.abort(GONE);
      await expect(made()).rejects.toBe(GONE);
      await setImmediate();
      expect(await statusOf(other, 1)).toBe('running');
      release();
      await board.settled(plannedId(1));
      expect(handler.kept).toHaveLength(1);
    });

    it('get the reason when it fails, as do later clients, until it succeeds', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      handler.failNext(new PredictorUnavailableError('the engine’s process ended'));
      const { made } = await other.submit(planOf(1), client().signal);
      const outcome = made().catch((error: Error) => error);
      release();
      const error = (await outcome) as Error;
      expect(error).toBeInstanceOf(PredictorUnavailableError);
      expect(error.message).toBe('the engine’s process ended');
      await expect
        .poll(() => board.view(plannedId(1)))
        .toMatchObject({ status: 'failed', error: { code: 'engine_unavailable', message: error.message } });
      expect((await other.views()).map(({ status }) => status)).toEqual(['failed']);
      const again = await other.submit(planOf(1), client().signal);
      await again.made();
      await board.settled(plannedId(1));
      await expect.poll(() => other.view(plannedId(1))).toBeNull();
      expect(handler.begun).toHaveLength(2);
    });
  });

  describe('a prediction that is given up', () => {
    it('does not begin, or stops, at whichever service it is given up', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      const { made } = await board.submit(planOf(1), client().signal);
      const outcome = made().catch((error: Error) => error);
      await expect.poll(() => handler.begun).toEqual([plannedId(1)]);
      await board.submit(planOf(2));
      expect(await other.cancel(plannedId(2))).toBe(true);
      expect(await other.cancel(plannedId(1))).toBe(true);
      expect(await outcome).toBeInstanceOf(CancelledError);
      for (const n of [1, 2]) await expect.poll(() => statusOf(board, n)).toBe('cancelled');
      expect(handler.begun).toEqual([plannedId(1)]);
      expect(handler.kept).toEqual([]);
      expect(await other.cancel(plannedId(1))).toBe(false);
      expect(await other.cancel(plannedId(3))).toBe(false);
      release();
    });

    it('is forgotten when it is no longer wanted', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      await board.submit(planOf(1));
      expect(await board.forget(plannedId(1))).toBe(false);
      await board.cancel(plannedId(1));
      await expect.poll(() => statusOf(board, 1)).toBe('cancelled');
      expect(await other.forget(plannedId(1))).toBe(true);
      expect(await board.view(plannedId(1))).toBeNull();
      expect(await other.forget(plannedId(1))).toBe(false);
      release();
    });
  });

  describe('a client that watches a prediction', () => {
    it('gets every change and stage, at any service, until it stops watching', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      await board.submit(planOf(1));
      await expect.poll(() => statusOf(board, 1)).toBe('running');
      await board.submit(planOf(2));
      const heard: string[] = [];
      const hear = (event: JobEvent) => heard.push('stage' in event ? event.stage : event.record.status);
      const watch = (await other.watch(plannedId(2), hear))!;
      expect(watch.record).toMatchObject({ id: plannedId(2), status: 'queued' });
      const unheard: JobEvent[] = [];
      (await other.watch(plannedId(2), (event) => unheard.push(event)))!.unwatch();
      release();
      await expect.poll(() => heard).toEqual(['running', 'encode', 'succeeded']);
      expect(unheard).toEqual([]);
      watch.unwatch();
      expect(await other.watch(plannedId(3), hear)).toBeNull();
    });

    it('can ask any service for the events after one that it has received', async () => {
      const { board, other, handler } = await opened();
      const release = handler.hold();
      await board.submit(planOf(1));
      await expect.poll(() => statusOf(board, 1)).toBe('running');
      await board.submit(planOf(2));
      const places: string[] = [];
      await board.watch(plannedId(2), (event) => places.push(event.at!));
      const again = handler.hold();
      release();
      await expect.poll(() => places.length).toBe(2);
      const [first, second] = places;
      const nameOf = (event: JobEvent) => ('stage' in event ? event.stage : event.record.status);
      expect((await other.missed(plannedId(2), first))!.map(nameOf)).toEqual(['encode']);
      expect(await other.missed(plannedId(2), second)).toEqual([]);
      for (const none of ['0-1', 'succeeded-', '']) expect(await other.missed(plannedId(2), none)).toBeNull();
      again();
      await board.settled(plannedId(2));
    });
  });
}
