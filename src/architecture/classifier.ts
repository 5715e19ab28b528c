import type { Node } from './architecture.js';
import { couldBeClassifier } from './node-rules.js';
import type { IndexPair } from './order.js';

/**
 * The nodes of the network's head where no node says it: of nodes in topological order, the last if it is a bias right
 * behind a conv that could be the head's weight, and that conv; else the last if it is a conv of two dimensions.
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
