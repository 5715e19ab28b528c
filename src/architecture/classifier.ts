import type { Node } from './architecture.js';
import { couldBeClassifier } from './node-rules.js';
import type { IndexPair } from './order.js';

/**
 * Finds the nodes of the network's head if no node is marked as classifier. The nodes are in topological order. If the
 * last node is a bias directly after a conv that could be the head's weight, the head is these two; if it is a conv
 * with two dimensions, the head is this one; otherwise there is no head.
 */
export function inferClassifier(
  nodes: readonly Pick<Node, 'op' | 'weight'>[],
  edges: readonly IndexPair[],
): number[] {
  const last = nodes.length - 1;
  const node = nodes[last];
  if (node?.op === 'bias') {
    const before = edges.filter(([, to]) => to === last).map(([from]) => from);
    const [weight] = before;
    return weight !== undefined && before.length === 1 && couldBeClassifier(nodes[weight]!)
      ? [weight, last]
      : [];
  }
  return node?.op === 'conv' && node.weight?.shape.length === 2 ? [last] : [];
}
