import { SKIP, type StateDictEntry, type Unsupported } from './architecture.js';
import type { CheckedEdges } from './check.js';
import type { FaultList } from './faults.js';
import { type Limits, limitOf } from './limits.js';
import { label } from './node-rules.js';
import type { IndexPair } from './order.js';
import type { GraphDraft } from './read.js';
import type { GraphNode } from './schema.js';

const NO_OPERATION = 'a GHN has no operation for it';

/** A graph without the nodes for which a GHN has no operation. */
export interface KnownGraph {
  /** In topological order. */
  readonly nodes: readonly GraphNode[];
  /** Pairs of indices into `nodes`. */
  readonly edges: readonly IndexPair[];
  /**
   * All tensors, if some belong to none of these nodes: the request's state dict, or a list in the order of the nodes.
   */
  readonly stateDict: readonly StateDictEntry[] | null;
  /** A line for each omitted node. */
  readonly leftOut: readonly string[];
}

/** Adds a fault for every node of op `other`, unless the request allows it to be left out. */
export function checkOthers({ nodes }: GraphDraft, unsupported: Unsupported, faults: FaultList): void {
  if (unsupported === 'skip') return;
  nodes.forEach((node, index) => {
    if (node?.op !== 'other') return;
    faults.add(['nodes', index, 'op'], `${label(node)} cannot be predicted: ${NO_OPERATION}${SKIP}`);
  });
}

/** Omits nodes of op `other` by connecting the nodes after them to those before them. The graph must have no faults. */
export function withoutOthers(
  { nodes, stateDict }: GraphDraft,
  { edges, order }: CheckedEdges,
  limits: Limits,
  faults: FaultList,
): KnownGraph {
  const sorted = order.map((index) => nodes[index]!);
  const known = sorted.filter((node): node is GraphNode => node.op !== 'other');
  const given = stateDict?.map((entry) => entry!) ?? null;
  const position = new Int32Array(nodes.length);
  order.forEach((index, at) => {
    position[index] = at;
  });
  const moved = edges.map(([from, to]): IndexPair => [position[from]!, position[to]!]);
  if (known.length === sorted.length) return { nodes: known, edges: moved, stateDict: given, leftOut: [] };

  const places = new Map(known.map((node, at) => [node, at]));
  const joined = bypass(sorted, moved, limits, faults).map(
    ([from, to]): IndexPair => [places.get(sorted[from] as GraphNode)!, places.get(sorted[to] as GraphNode)!],
  );
  const all = sorted.flatMap((node) =>
    node.op === 'other'
      ? (node.tensors ?? [])
      : [node.weight, node.bias].filter((tensor) => tensor !== undefined),
  );
  return {
    nodes: known,
    edges: joined,
    stateDict: given ?? all.map((tensor): StateDictEntry => ({ ...tensor, kind: 'parameter' })),
    leftOut: sorted.flatMap((node) => (node.op === 'other' ? [`${label(node)}: ${NO_OPERATION}`] : [])),
  };
}

/** The edges between kept nodes, including those that lead through `other` nodes. */
function bypass(
  sorted: readonly Pick<GraphDraft['nodes'][number] & object, 'op'>[],
  edges: readonly IndexPair[],
  limits: Limits,
  faults: FaultList,
): IndexPair[] {
  const limit = limitOf('edges', limits);
  const before = sorted.map((): number[] => []);
  for (const [from, to] of edges) before[to]!.push(from);
  let left = limit;
  // Every node comes after its predecessors, so their inputs are known.
  const sources = sorted.map((): readonly number[] => []);
  return sorted.flatMap(({ op }, to): IndexPair[] => {
    const from = new Set(
      before[to]!.flatMap((source) => {
        const through = sorted[source]!.op === 'other' ? sources[source]! : [source];
        left -= through.length;
        if (left < 0) {
          faults.add(
            ['edges'],
            `without the nodes of op other there are more edges than the ${limit} that this server takes (MAX_NODES)`,
          );
          faults.throwIfAny();
        }
        return through;
      }),
    );
    if (op !== 'other') return Array.from(from, (source): IndexPair => [source, to]);
    sources[to] = [...from];
    return [];
  });
}
