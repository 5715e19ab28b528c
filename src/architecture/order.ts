/** Edges in order of their source. Those of node i are at indices start[i] up to, but not including, start[i + 1]. */
export interface Successors {
  readonly start: Int32Array;
  readonly target: Int32Array;
}

export type IndexPair = readonly [from: number, to: number];

function successors(count: number, edges: readonly IndexPair[]): Successors {
  const start = new Int32Array(count + 1);
  for (const [from] of edges) start[from + 1]!++;
  for (let i = 0; i < count; i++) start[i + 1]! += start[i]!;
  const target = new Int32Array(edges.length);
  const next = start.slice();
  for (const [from, to] of edges) target[next[from]!++] = to;
  return { start, target };
}

/**
 * A topological order of nodes 0 to count - 1. It begins with `first`; after that it always takes the lowest node whose
 * predecessors have all been taken, so nodes already in order stay in place. Nodes on a cycle or after one are missing
 * from the result.
 */
export function topologicalOrder(count: number, edges: readonly IndexPair[], first: number): number[] {
  if (first === 0 && edges.every(([from, to]) => from < to))
    return Array.from({ length: count }, (_, i) => i);
  const { start, target } = successors(count, edges);
  const missing = new Int32Array(count);
  for (const to of target) missing[to]!++;
  const ready = new MinHeap();
  const order: number[] = [];
  const take = (node: number): void => {
    order.push(node);
    for (let e = start[node]!; e < start[node + 1]!; e++)
      if (--missing[target[e]!]! === 0) ready.push(target[e]!);
  };
  for (let node = 0; node < count; node++) if (missing[node] === 0 && node !== first) ready.push(node);
  if (missing[first] === 0) take(first);
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) take(node);
  return order;
}

/**
 * Finds at least one cycle among the nodes that are missing from `order`, the result of topologicalOrder. Each cycle is
 * a list of its edges, as indices into `edges` in the direction of the edges. No two cycles share a node.
 */
export function cycles(count: number, edges: readonly IndexPair[], order: readonly number[]): number[][] {
  // Every remaining node has a remaining predecessor, so walking backwards from any of them ends in a cycle.
  const left = new Uint8Array(count).fill(1);
  for (const node of order) left[node] = 0;
  const into = new Int32Array(count).fill(-1);
  edges.forEach(([from, to], edge) => {
    if (left[from] && left[to]) into[to] = edge;
  });
  const walk = new Int32Array(count);
  const found: number[][] = [];
  for (let origin = 0; origin < count; origin++) {
    if (!left[origin]) continue;
    let node = origin;
    for (; walk[node] === 0; node = edges[into[node]!]![0]) walk[node] = origin + 1;
    if (walk[node] === origin + 1) found.push(cycleThrough(node, edges, into));
  }
  return found;
}

function cycleThrough(node: number, edges: readonly IndexPair[], into: Int32Array): number[] {
  const cycle: number[] = [];
  let at = node;
  do {
    cycle.push(into[at]!);
    at = edges[into[at]!]![0];
  } while (at !== node);
  return cycle.reverse();
}

class MinHeap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= item) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= last) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
