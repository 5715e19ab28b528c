import { expect, it } from 'vitest';
import { Network } from '../../../src/architecture/layers/network.js';

/** Counts the calls of `Set.has`: each step of the parser through a network makes one or two. */
function stepsOf(run: () => void): number {
  const { has } = Set.prototype;
  let calls = 0;
  Set.prototype.has = function (value: unknown) {
    calls++;
    return has.call(this, value);
  };
  try {
    run();
  } finally {
    Set.prototype.has = has;
  }
  return calls;
}

it('the search from a gate to its features goes no further than gates are long', () => {
  const network = new Network();
  const nodes = [0];
  for (let i = 0; i < 500; i++) nodes.push(network.addOperation('sum', nodes.slice()));
  const steps = stepsOf(() => network.bypassPoolsBetween(-1, nodes.at(-1)!));
  expect(steps).toBeLessThan(200);
});

it('a chain of pools that are not nodes is searched once', () => {
  const network = new Network();
  let last = network.addOperation('sum', [0]);
  for (let i = 0; i < 500; i++) {
    const pool = network.addOperation('glob_avg', [last]);
    expect(network.bypassPoolsBetween(last, pool)).toBe(true);
    network.addOperation('cse', [last, pool]);
    last = pool;
  }
  let sources: string[] = [];
  const steps = stepsOf(() => {
    sources = network.graph('chain', 0).edges.map(([from]) => from);
  });
  expect(new Set(sources)).toEqual(new Set(['input', 'sum_0']));
  expect(steps).toBeLessThan(10_000);
});
