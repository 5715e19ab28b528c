import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Architecture } from '../../src/architecture/architecture.js';
import { distances } from '../../src/architecture/distances.js';
import { parseGraph } from '../../src/architecture/graph.js';
import { fixtureGraph, intermediate, LIMITS } from './fixtures.js';
import { randomDag } from './random-dag.js';

/** Computes distances by their definition: the reachable nodes, hop by hop. */
function hopByHop({ nodes, edges }: Architecture): number[] {
  const result = new Array<number>(nodes.length ** 2).fill(0);
  nodes.forEach((_, from) => {
    let front = new Set([from]);
    const seen = new Set([from]);
    for (let hops = 1; hops <= 50; hops++) {
      front = new Set(edges.filter(([a, b]) => front.has(a) && !seen.has(b)).map(([, b]) => b));
      for (const to of front) {
        seen.add(to);
        result[from * nodes.length + to] = hops;
      }
    }
  });
  return result;
}

function chain(count: number): Architecture {
  const ids = Array.from({ length: count }, (_, i) => `node${i}`);
  return parseGraph(
    {
      name: 'chain',
      nodes: ids.map((id, i) => ({ id, op: i === 0 ? 'input' : 'sum' })),
      edges: ids.slice(1).map((id, i) => [ids[i], id]),
    },
    LIMITS,
  );
}

describe('distances', () => {
  it.each([
    ['resnet18-10', 'ghn2-nano.resnet18-10'],
    ['resnet18-10', 'ghn3-nano.resnet18-10'],
    ['resnet50', 'ghn3-tiny.resnet50'],
  ])('in %s are those that the authors’ code computed for %s', (name, file) => {
    expect([...distances(parseGraph(fixtureGraph(name), LIMITS))]).toEqual(intermediate(file, 'distance'));
  });

  it.each(['densenet121', 'vit_b_16-10'])('in %s are those that a search from each node finds', (name) => {
    const architecture = parseGraph(fixtureGraph(name), LIMITS);
    expect([...distances(architecture)]).toEqual(hopByHop(architecture));
  });

  it('end at 50 hops', () => {
    const row = [...distances(chain(120)).subarray(0, 120)];
    expect(row).toEqual(Array.from({ length: 120 }, (_, j) => (j <= 50 ? j : 0)));
  });

  it('are those of the shortest paths in any graph', () => {
    fc.assert(
      fc.property(randomDag({ maxNodes: 100 }), ({ shuffled }) => {
        const architecture = parseGraph(shuffled, LIMITS);
        expect([...distances(architecture)]).toEqual(hopByHop(architecture));
      }),
    );
  });
});
