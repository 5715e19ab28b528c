import type { Architecture, Node } from './architecture.js';
import { inferClassifier } from './classifier.js';
import { sortedString } from './json.js';
import type { Graph, GraphNode } from './schema.js';

/**
 * An architecture in the API's graph form, whatever form the request has. Nodes are in topological order, edges in
 * order of their ends' positions, and defaults and inferred values are written out. Reading the result gives the same
 * architecture again.
 */
export function canonicalGraph(architecture: Architecture): Graph {
  const { name, nodes, edges, stateDict } = architecture;
  return {
    name,
    nodes: nodes.map((node, index) => graphNode(node, deniesClassifier(architecture, index))),
    edges: edges.map(([from, to]) => [nodes[from]!.id, nodes[to]!.id]),
    ...(stateDict && {
      state_dict: stateDict.map(({ name, shape, kind }) => ({ name, shape: [...shape], kind })),
    }),
  };
}

/** Strings of architectures that are in use: those with a name are used for many requests. */
const known = new WeakMap<Architecture, string>();

/**
 * The same string for the same network, however its JSON is written, so that its digest can identify the network. A
 * Keras model gets another string than the same network in PyTorch. Two Keras models that differ only in activations
 * get different strings too: the graph is the same, but a TensorFlow.js model is not.
 */
export function canonicalString(architecture: Architecture): string {
  const before = known.get(architecture);
  if (before !== undefined) return before;
  const string = writeCanonical(architecture);
  known.set(architecture, string);
  return string;
}

function writeCanonical(architecture: Architecture): string {
  const graph = JSON.stringify(canonicalGraph(architecture));
  return architecture.keras ? `${graph}${sortedString(architecture.keras.model)}` : graph;
}

/**
 * True if no node is a classifier and inferClassifier would find one: the last node must then say that it is not one.
 */
function deniesClassifier({ nodes, edges }: Architecture, index: number): boolean {
  if (index !== nodes.length - 1 || nodes.some((node) => node.classifier)) return false;
  return inferClassifier(nodes, edges).length > 0;
}

function graphNode({ id, op, weight, bias, kernel, classifier }: Node, denied: boolean): GraphNode {
  return {
    id,
    op,
    ...(weight && { weight: { name: weight.name, shape: [...weight.shape] } }),
    ...(bias && { bias: { name: bias.name, shape: [...bias.shape] } }),
    ...(kernel && { kernel: [kernel[0], kernel[1]] }),
    ...(classifier ? { classifier } : denied ? { classifier: false } : {}),
  };
}
