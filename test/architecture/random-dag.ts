import fc from 'fast-check';
import type { Graph } from '../../src/architecture/schema.js';

export interface RandomDag {
  /** The graph in topological order. */
  readonly sorted: Graph;
  /** The same graph with its nodes and edges in any order. */
  readonly shuffled: Graph;
  /** The edges as strings, "from to". */
  readonly edgeIds: ReadonlySet<string>;
}

/** Random graphs of sums after an input, with any edges that lead forward. */
export function randomDag({ maxNodes }: { maxNodes: number }): fc.Arbitrary<RandomDag> {
  return fc
    .integer({ min: 1, max: maxNodes })
    .chain((count) => {
      const pair = fc
        .tuple(fc.nat(count - 1), fc.integer({ min: 1, max: Math.max(1, count - 1) }))
        .filter(([from, to]) => from < to);
      return fc.tuple(
        fc.constant(count),
        count > 1 ? fc.array(pair, { maxLength: 3 * count }) : fc.constant([]),
      );
    })
    .chain(([count, pairs]) => {
      const ids = Array.from({ length: count }, (_, i) => (i === 0 ? 'input' : `sum${i}`));
      const nodes: Graph['nodes'] = ids.map((id, i) => ({ id, op: i === 0 ? 'input' : 'sum' }));
      const edges: Graph['edges'] = pairs.map(([from, to]) => [ids[from]!, ids[to]!]);
      const shuffle = <T>(items: T[]) => fc.shuffledSubarray(items, { minLength: items.length });
      return fc.tuple(shuffle(nodes), shuffle(edges)).map(([otherNodes, otherEdges]) => ({
        sorted: { name: 'random', nodes, edges },
        shuffled: { name: 'random', nodes: otherNodes, edges: otherEdges },
        edgeIds: new Set(edges.map((edge) => edge.join(' '))),
      }));
    });
}
