import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Admission, OverloadedError, type Place, type Refusal } from '../../src/predictions/admission.js';
import type { PredictionCost } from '../../src/predictions/cost.js';
import { InvalidRequestError } from '../../src/predictions/errors.js';

const WORK = { graph: 1, encode: 1, decode: 1, postprocess: 0, 'hand over': 1 };
const QUICK = { graph: 0, encode: 0, decode: 0, postprocess: 0 };

/** Returns a cost without memory, with the same duration as all others. */
const cost = (fields: Partial<PredictionCost> = {}): PredictionCost => ({
  resultBytes: 0,
  requestBytes: 0,
  workBytes: 0,
  work: WORK,
  ...fields,
});

function admission({ maxQueue = 100, maxWaitMilliseconds = 1e9, memoryBytes = 1e9, answers = 0 } = {}) {
  const refusals: Refusal[] = [];
  const options = {
    maxQueue,
    maxWaitMilliseconds,
    memoryBytes: () => memoryBytes,
    crowdedAnswers: () => answers,
    onRefusal: (reason: Refusal) => refusals.push(reason),
  };
  return { admission: new Admission(options), refusals };
}

/** Lets it learn that a prediction like those takes so long. */
function teach(to: Admission, milliseconds: number): void {
  const place = to.admit(cost(), true);
  place.begin();
  place.made({ ...QUICK, encode: milliseconds });
  place.settle();
}

function refusal(attempt: () => unknown): OverloadedError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof OverloadedError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a prediction that needs more memory than the limit', () => {
  it('is refused permanently, with both numbers and the remedy', () => {
    const { admission: small } = admission({ memoryBytes: 1e9 });
    try {
      small.admit(cost({ resultBytes: 2e9, workBytes: 5e8 }), true);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidRequestError);
      const [fault] = (error as InvalidRequestError).faults;
      expect(fault.path).toBe('/architecture');
      expect(fault.message).toMatch(/about 4\.5 GB .* 1\.0 GB .*MAX_MEMORY_BYTES.*post-processing/);
    }
  });

  it('is accepted if it just fits', () => {
    const { admission: small } = admission({ memoryBytes: 1e9 });
    small.admit(cost({ resultBytes: 3e8, workBytes: 4e8 }), true);
  });
});

describe('memory', () => {
  const LIMIT = 1000;
  /** Bytes of predictions that are made and not stored, in the engine and in the service. */
  const held = (place: Place) => place.bytes;

  it('is never promised twice, whatever is accepted, made, stored, read and given up', () => {
    const step = fc.record({
      resultBytes: fc.nat(300),
      workBytes: fc.nat(500),
      kind: fc.constantFrom('admit', 'admit', 'made', 'settle', 'hold', 'release'),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { admission: small } = admission({ memoryBytes: LIMIT });
        const pending: Place[] = [];
        const made: Place[] = [];
        const releases: (() => void)[] = [];
        const all: Place[] = [];
        for (const { resultBytes, workBytes, kind, which } of steps) {
          const take = <T>(from: T[]) =>
            from.length > 0 ? from.splice(which % from.length, 1)[0] : undefined;
          if (kind === 'admit') {
            try {
              const place = small.admit(cost({ resultBytes, workBytes }), true);
              pending.push(place);
              all.push(place);
            } catch (error) {
              if (!(error instanceof OverloadedError) && !(error instanceof InvalidRequestError)) throw error;
            }
          }
          if (kind === 'made') {
            const place = take(pending);
            place?.begin();
            place?.made(QUICK);
            if (place) made.push(place);
          }
          if (kind === 'hold' && made.length > 0) releases.push(made[which % made.length].hold());
          if (kind === 'settle') (take(made) ?? take(pending))?.settle();
          if (kind === 'release') take(releases)?.();
          const work = Math.max(
            0,
            ...all.filter((place) => place.isPending).map((place) => place.cost.workBytes),
          );
          expect(all.reduce((sum, place) => sum + held(place), 0) + work).toBeLessThanOrEqual(LIMIT);
        }
      }),
    );
  });

  it('is free again when the result is stored and every answer with it has ended', () => {
    const { admission: small, refusals } = admission({ memoryBytes: LIMIT });
    const half = cost({ resultBytes: 250, workBytes: 400 });
    const first = small.admit(half, true);
    expect(refusal(() => small.admit(half, true))).toMatchObject({ reason: 'memory', retryAfter: 1 });
    first.begin();
    first.made(QUICK);
    const releases = [first.hold(), first.hold()];
    first.settle();
    expect(first.bytes).toBe(250);
    releases[0]();
    expect(first.bytes).toBe(250);
    releases[1]();
    expect(first.bytes).toBe(0);
    small.admit(half, true);
    expect(refusals).toEqual(['memory']);
  });
});

describe('the queue', () => {
  it('accepts one running prediction and as many as may wait', () => {
    const { admission: short, refusals } = admission({ maxQueue: 2 });
    const places = [1, 2, 3].map(() => short.admit(cost(), true));
    expect(refusal(() => short.admit(cost(), false)).message).toBe(
      '2 predictions are waiting already (MAX_QUEUE)',
    );
    places[0].begin();
    places[0].made(QUICK);
    short.admit(cost(), true);
    expect(refusals).toEqual(['queue']);
  });

  it('counts answers that slow each other down as predictions that wait', () => {
    const { admission: short } = admission({ maxQueue: 2, answers: 3 });
    expect(refusal(() => short.admit(cost(), true)).message).toBe(
      '0 predictions are waiting already, and 3 more are being written to answers (MAX_QUEUE)',
    );
  });
});

describe('the waiting time', () => {
  it('is limited by the expected duration of the predictions ahead, judged by the last ones', () => {
    const { admission: quick, refusals } = admission({ maxWaitMilliseconds: 2500 });
    teach(quick, 1000);
    for (let k = 0; k < 3; k++) quick.admit(cost(), true);
    expect(quick.secondsUntilIdle).toBeCloseTo(3, 1);
    const { reason, retryAfter, message } = refusal(() => quick.admit(cost(), true));
    expect({ reason, retryAfter }).toEqual({ reason: 'wait', retryAfter: 3 });
    expect(message).toMatch(/about 3000 ms, longer than the limit of 2500 ms/);
    expect(refusals).toEqual(['wait']);
  });

  it('does not limit asynchronous predictions, and is unlimited before anything is known', () => {
    const { admission: quick } = admission({ maxWaitMilliseconds: 1 });
    for (let k = 0; k < 5; k++) quick.admit(cost(), true);
    const { admission: taught } = admission({ maxWaitMilliseconds: 1 });
    teach(taught, 1000);
    for (let k = 0; k < 5; k++) taught.admit(cost(), false);
  });

  it('does not exclude a prediction that itself takes long if nothing is ahead of it', () => {
    const { admission: quick } = admission({ maxWaitMilliseconds: 1 });
    teach(quick, 60_000);
    quick.admit(cost(), true);
  });

  it('does not count failed predictions', () => {
    const { admission: quick } = admission({ maxWaitMilliseconds: 1500 });
    teach(quick, 1000);
    const places = [quick.admit(cost(), true), quick.admit(cost(), true)];
    refusal(() => quick.admit(cost(), true));
    places[1].settle();
    quick.admit(cost(), true);
  });

  it('is never given as more than 5 minutes', () => {
    const { admission: slow } = admission({ maxQueue: 1 });
    teach(slow, 1e7);
    for (let k = 0; k < 2; k++) slow.admit(cost(), true);
    expect(refusal(() => slow.admit(cost(), true)).retryAfter).toBe(300);
  });
});

describe('clients', () => {
  const accepted = (to: Admission, client: string, fields: Partial<PredictionCost> = {}) => {
    for (let count = 0; ; count++) {
      try {
        to.admit(cost(fields), false, client);
      } catch (error) {
        if (error instanceof OverloadedError) return count;
        throw error;
      }
    }
  };

  it('leave some of the queue to those who come later', () => {
    const { admission: shared } = admission({ maxQueue: 64 });
    expect(accepted(shared, 'a')).toBe(49);
    expect(refusal(() => shared.admit(cost(), true, 'a')).message).toBe(
      '49 predictions of the same client are already waiting, and the rest of the queue is for other clients (MAX_QUEUE)',
    );
    for (const client of ['b', 'c']) expect(accepted(shared, client)).toBeGreaterThan(0);
  });

  it('with much in the queue give way to newcomers when it is full', () => {
    const { admission: shared } = admission({ maxQueue: 64 });
    const places = Array.from({ length: 49 }, () => shared.admit(cost(), true, 'a'));
    for (const client of ['b', 'c']) accepted(shared, client);
    expect(refusal(() => shared.admit(cost(), true, 'd')).message).toBe(
      '64 predictions are waiting already (MAX_QUEUE)',
    );
    places[0].settle();
    expect(accepted(shared, 'a')).toBe(0);
    expect(accepted(shared, 'd')).toBe(1);
  });

  it('have the whole of a short queue', () => {
    for (const maxQueue of [1, 2, 3]) {
      expect(accepted(admission({ maxQueue }).admission, 'a')).toBe(maxQueue + 1);
    }
  });

  it('leave some of the memory to those who come later, and each has room for one', () => {
    const { admission: shared, refusals } = admission({ memoryBytes: 1000 });
    expect(accepted(shared, 'a', { resultBytes: 50 })).toBe(7);
    expect(accepted(shared, 'b', { requestBytes: 200 })).toBe(1);
    expect(refusals).toEqual(['memory', 'memory']);
  });

  it('wait for no more than their turn', () => {
    const { admission: shared } = admission({ maxWaitMilliseconds: 3500 });
    teach(shared, 1000);
    shared.admit(cost(), false, 'a').begin();
    for (let k = 0; k < 20; k++) shared.admit(cost(), false, 'a');
    expect(refusal(() => shared.admit(cost(), true, 'a')).reason).toBe('wait');
    // The one that is made, and one of the other's.
    shared.admit(cost(), true, 'b');
    // Its own, and two of the other's.
    expect(refusal(() => shared.admit(cost(), true, 'b')).message).toMatch(/about (4000|39\d\d) ms/);
  });
});
