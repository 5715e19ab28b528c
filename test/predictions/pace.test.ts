import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PredictionCost } from '../../src/predictions/cost.js';
import { Pace } from '../../src/predictions/pace.js';

const costOf = (work: Partial<PredictionCost['work']>): PredictionCost => ({
  resultBytes: 0,
  requestBytes: 0,
  workBytes: 0,
  work: { graph: 0, encode: 0, decode: 0, postprocess: 0, 'hand over': 0, ...work },
});

/** A machine's milliseconds for a unit of each stage's work. */
const MACHINE = { graph: 1, encode: 2, decode: 3, postprocess: 5 };

function observe(pace: Pace, cost: PredictionCost, factor = 1): void {
  const { work } = cost;
  const stages = {
    graph: factor * work.graph * MACHINE.graph,
    encode: factor * work.encode * MACHINE.encode,
    decode: factor * work.decode * MACHINE.decode,
    postprocess: factor * work.postprocess * MACHINE.postprocess,
  };
  const total = stages.graph + stages.encode + stages.decode + stages.postprocess;
  pace.observe(cost, stages, total + factor * work['hand over']);
}

const work = fc.record({
  graph: fc.integer({ min: 1, max: 1000 }),
  encode: fc.integer({ min: 1, max: 1000 }),
  decode: fc.integer({ min: 1, max: 1000 }),
  postprocess: fc.integer({ min: 1, max: 1000 }),
  'hand over': fc.integer({ min: 1, max: 1000 }),
});

describe('the pace of a machine', () => {
  it('is learned from all predictions that it has made', () => {
    fc.assert(
      fc.property(fc.array(work, { minLength: 1, maxLength: 20 }), work, (seen, next) => {
        const pace = new Pace();
        for (const one of seen) observe(pace, costOf(one));
        const expected =
          next.graph + 2 * next.encode + 3 * next.decode + 5 * next.postprocess + next['hand over'];
        expect(pace.seconds(costOf(next))).toBeCloseTo(expected / 1000, 9);
      }),
    );
  });

  it('adapts to a machine that becomes slower within about ten predictions', () => {
    const pace = new Pace();
    const cost = costOf({ encode: 100, 'hand over': 10 });
    for (let k = 0; k < 50; k++) observe(pace, cost);
    const before = pace.seconds(cost);
    for (let k = 0; k < 15; k++) observe(pace, cost, 4);
    expect(pace.seconds(cost) / before).toBeGreaterThan(3);
  });

  it('of a stage that was never seen is unknown, and counts as nothing', () => {
    const pace = new Pace();
    expect(pace.seconds(costOf({ encode: 1e12 }))).toBe(0);
    observe(pace, costOf({ encode: 10 }));
    expect(pace.seconds(costOf({ postprocess: 1e12 }))).toBe(0);
  });
});
