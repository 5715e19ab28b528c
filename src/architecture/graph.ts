import type { Architecture, Node, Unsupported } from './architecture.js';
import { checkEdges, checkNodes, checkStateDict } from './check.js';
import { inferClassifier } from './classifier.js';
import { FaultList } from './faults.js';
import { checkOthers, withoutOthers } from './left-out.js';
import type { Limits } from './limits.js';
import { checkCount } from './limits.js';
import type { IndexPair } from './order.js';
import type { GraphDraft } from './read.js';
import { readGraph } from './read.js';
import type { Graph, GraphNode } from './schema.js';

/** A pool's kernel if its node gives none. */
const DEFAULT_KERNEL = [3, 3] as const;

/**
 * Reads and checks a graph that a client sent.
 * @throws ArchitectureError with every fault, each with its JSON pointer into `input`.
 */
export function parseGraph(
  input: unknown,
  limits: Limits,
  unsupported: Unsupported = 'refuse',
): Architecture {
  const faults = new FaultList();
  return build(readGraph(input, limits, faults), limits, unsupported, faults);
}

/**
 * Checks a graph that already satisfies the schema. A repeated edge counts once. Nodes that the input does not reach
 * (such as a position embedding) and nodes that lead nowhere are valid.
 * @throws ArchitectureError with every fault, each with its JSON pointer into `graph`.
 */
export function buildArchitecture(graph: Graph, limits: Limits): Architecture {
  const faults = new FaultList();
  checkCount('nodes', graph.nodes.length, limits, ['nodes'], faults);
  checkCount('edges', graph.edges.length, limits, ['edges'], faults);
  checkCount('tensors', graph.state_dict?.length ?? 0, limits, ['state_dict'], faults);
  faults.throwIfAny();
  const ids = graph.nodes.map((node) => node.id);
  return build({ ...graph, ids, stateDict: graph.state_dict ?? null }, limits, 'refuse', faults);
}

function build(draft: GraphDraft, limits: Limits, unsupported: Unsupported, faults: FaultList): Architecture {
  const { input, indexOf } = checkNodes(draft, limits, faults);
  checkOthers(draft, unsupported, faults);
  const checked = checkEdges(draft, indexOf, input, faults);
  checkStateDict(draft, limits, faults);
  faults.throwIfAny();

  const { nodes, edges, stateDict, leftOut } = withoutOthers(draft, checked, limits, faults);
  const sortedEdges = sortEdges(edges, nodes.length);
  const isClassifier = classifiers(nodes, sortedEdges);
  return {
    name: draft.name,
    nodes: nodes.map((node, index) => toNode(node, isClassifier.has(index))),
    edges: sortedEdges,
    stateDict,
    ...(leftOut.length > 0 && { leftOut }),
  };
}

function classifiers(nodes: readonly GraphNode[], edges: readonly IndexPair[]): Set<number> {
  if (nodes.every((node) => node.classifier === undefined)) return new Set(inferClassifier(nodes, edges));
  return new Set(nodes.flatMap((node, index) => (node.classifier ? [index] : [])));
}

/** Edges between positions, sorted by source and then by target, without duplicates. */
function sortEdges(edges: readonly IndexPair[], count: number): IndexPair[] {
  const keys = Float64Array.from(edges, ([from, to]) => from * count + to).sort();
  const sorted: IndexPair[] = [];
  keys.forEach((key, at) => {
    if (key !== keys[at - 1]) sorted.push([Math.floor(key / count), key % count]);
  });
  return sorted;
}

function toNode({ id, op, weight, bias, kernel }: GraphNode, classifier: boolean): Node {
  const isPool = op === 'max_pool' || op === 'avg_pool';
  return {
    id,
    op,
    ...(weight && { weight }),
    ...(bias && { bias }),
    ...(isPool && { kernel: kernel ?? DEFAULT_KERNEL }),
    classifier,
  };
}
