import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Place } from '../../../src/predictions/admission.js';
import type { JobEvent, Made } from '../../../src/predictions/board/board.js';
import { Job } from '../../../src/predictions/board/job.js';
import { CancelledError } from '../../../src/predictions/errors.js';
import { WARM_UP } from '../../../src/predictor/warm-up.js';
import { sampleRecord, sampleTensor } from '../../store/samples.js';

const MADE: Made = {
  tensors: [sampleTensor('fc.weight', [10, 16], [10, 16], 1)],
  statistics: new Promise(() => {}),
  latency: { graph: 1, encode: 1, decode: 1, postprocess: 0 },
};

const WORK = { ...WARM_UP, ghn: 'ghn3' };

const COST = {
  resultBytes: 0,
  requestBytes: 0,
  workBytes: 0,
  work: { graph: 0, encode: 0, decode: 0, postprocess: 0, 'hand over': 0 },
};

const PLACE = new Place(COST, '', { onChange() {}, onMade() {} });

const PLAN = { record: sampleRecord(1, { status: 'queued' }), work: WORK, cost: COST };

/** A job whose making is in the test's hands, and its outcome. */
function job({ stubborn = false } = {}) {
  let finish!: (made: Made) => void;
  let fail!: (error: Error) => void;
  const outcome: { kept?: Made; failed?: Error } = {};
  const created = new Job(PLAN, PLACE, {
    make: (_, signal) =>
      new Promise((resolve, reject) => {
        finish = resolve;
        fail = reject;
        if (!stubborn) signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    keep: async (_, made) => {
      outcome.kept = made;
    },
    fail: (_, error) => {
      outcome.failed = error;
    },
  });
  return { job: created, finish, fail, outcome };
}

const client = () => new AbortController();
const GONE = new Error('the client has gone');

describe('a job', () => {
  it('is shared by all clients that wait for it, and its result is kept', async () => {
    const { job: shared, finish, outcome } = job();
    const waits = [client(), client(), client()].map(({ signal }) => shared.wait(signal));
    finish(MADE);
    await Promise.all(waits);
    expect(shared.network?.tensors).toBe(MADE.tensors);
    await shared.settled;
    expect(outcome).toEqual({ kept: MADE });
  });

  it('continues while one client waits, and is cancelled when the last has left', async () => {
    const { job: shared, outcome } = job();
    const [first, second] = [client(), client()];
    const waits = [shared.wait(first.signal), shared.wait(second.signal)].map((wait) =>
      wait.catch((error: Error) => error),
    );
    first.abort(GONE);
    expect(await waits[0]).toBe(GONE);
    expect(shared.cancelled).toBe(false);
    second.abort(GONE);
    expect(await waits[1]).toBe(GONE);
    expect(shared.cancelled).toBe(true);
    await shared.settled;
    expect(outcome.failed).toBeInstanceOf(CancelledError);
  });

  it('is cancelled by a client that left before it could wait', async () => {
    const { job: shared } = job();
    await expect(shared.wait(AbortSignal.abort(GONE))).rejects.toBe(GONE);
    expect(shared.cancelled).toBe(true);
  });

  it('that is detached continues when all clients have left', async () => {
    const { job: detached, finish, outcome } = job();
    detached.detach();
    const gone = client();
    const wait = detached.wait(gone.signal);
    gone.abort(GONE);
    await expect(wait).rejects.toBe(GONE);
    expect(detached.cancelled).toBe(false);
    finish(MADE);
    await detached.settled;
    expect(outcome.kept).toBe(MADE);
  });

  it('that has finished is not cancelled by clients that leave with their answer', async () => {
    const { job: made, finish } = job();
    const wait = made.wait(client().signal);
    finish(MADE);
    await wait;
    await setImmediate();
    expect(made.cancelled).toBe(false);
  });

  it('that fails gives the reason to all waiting clients and to its record', async () => {
    const { job: failing, fail, outcome } = job();
    const waits = [failing.wait(client().signal), failing.wait(client().signal)];
    const broken = new Error('broken');
    fail(broken);
    for (const wait of waits) await expect(wait).rejects.toBe(broken);
    await failing.settled;
    expect(outcome).toEqual({ failed: broken });
  });

  it('counts as cancelled before it has stopped', async () => {
    const { job: stubborn, fail, outcome } = job({ stubborn: true });
    stubborn.cancel();
    expect(stubborn.cancelled).toBe(true);
    await setImmediate();
    expect(outcome).toEqual({});
    fail(new CancelledError('stopped'));
    await stubborn.settled;
    expect(outcome.failed).toBeInstanceOf(CancelledError);
  });

  it('reports every change and stage to watchers until they leave', () => {
    const { job: watched } = job();
    const events: JobEvent[] = [];
    const unwatch = watched.watch((event) => events.push(event));
    watched.update({ status: 'running' });
    watched.begin('encode');
    unwatch();
    watched.begin('decode');
    expect(events).toMatchObject([{ record: watched.record }, { stage: 'encode' }]);
    expect(watched.record).toMatchObject({ id: sampleRecord(1).id, status: 'running' });
  });
});
