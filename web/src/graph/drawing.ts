import type { Graph } from '../../../clients/typescript/src/index.js';

export type Node = Graph['nodes'][number];

/** A box in the drawing: one node, or the nodes of one block. */
export interface Box {
  readonly id: string;
  readonly label: string;
  /** The operation, or `block`. */
  readonly op: string;
  readonly nodes: readonly Node[];
}

export interface Drawing {
  readonly boxes: readonly Box[];
  /** Edges as pairs of box ids. */
  readonly edges: readonly (readonly [string, string])[];
}

/** Graphs with more nodes than this are first drawn by blocks. */
export const MAX_PLAIN_NODES = 300;

/** Draws every node as a separate box. */
export function plainDrawing({ nodes, edges }: Graph): Drawing {
  return {
    boxes: nodes.map((node) => ({ id: node.id, label: node.id, op: node.op, nodes: [node] })),
    edges: edges.map(([from, to]) => [from, to] as const),
  };
}

/**
 * Draws nodes whose names begin alike as one box, except for the nodes of open blocks.
 *
 * @param depth number of parts of a name, split at dots, that name a block
 */
export function blockDrawing(graph: Graph, depth: number, open: ReadonlySet<string>): Drawing {
  const blockOf = blocks(graph, depth);
  const boxes = new Map<string, { id: string; label: string; op: string; nodes: Node[] }>();
  const boxOf = new Map<string, string>();
  for (const node of graph.nodes) {
    const block = blockOf.get(node.id);
    const id = block === undefined || open.has(block) ? node.id : `block ${block}`;
    boxOf.set(node.id, id);
    const box = boxes.get(id);
    if (box) box.nodes.push(node);
    else
      boxes.set(id, {
        id,
        label: id === node.id ? node.id : block!,
        op: id === node.id ? node.op : 'block',
        nodes: [node],
      });
  }
  const seen = new Set<string>();
  const edges: (readonly [string, string])[] = [];
  for (const [from, to] of graph.edges) {
    const edge = [boxOf.get(from)!, boxOf.get(to)!] as const;
    const key = JSON.stringify(edge);
    if (edge[0] === edge[1] || seen.has(key)) continue;
    seen.add(key);
    edges.push(edge);
  }
  // A block of one node is drawn as that node.
  const plain = [...boxes.values()].map((box) =>
    box.nodes.length === 1 ? { ...box, label: box.nodes[0].id, op: box.nodes[0].op } : box,
  );
  return { boxes: plain, edges };
}

/**
 * Returns the block of each node. A node without tensors (a sum, a pool) belongs to the block of the node before it.
 */
function blocks({ nodes, edges }: Graph, depth: number): Map<string, string> {
  const before = new Map<string, string[]>();
  for (const [from, to] of edges) before.set(to, [...(before.get(to) ?? []), from]);
  const blockOf = new Map<string, string>();
  for (const { id } of nodes) {
    const parts = id.split('.');
    if (parts.length > depth) {
      blockOf.set(id, parts.slice(0, depth).join('.'));
      continue;
    }
    const sources = new Set((before.get(id) ?? []).map((source) => blockOf.get(source)));
    const [only] = sources;
    if (sources.size === 1 && only !== undefined) blockOf.set(id, only);
  }
  return blockOf;
}

/** Returns the largest depth of block names at which the drawing has few enough boxes and edges to be readable. */
export function blockDepth(graph: Graph): number {
  let depth = 4;
  while (depth > 1) {
    const { boxes, edges } = blockDrawing(graph, depth, new Set());
    if (boxes.length <= MAX_BOXES && edges.length <= 1.5 * boxes.length) break;
    depth--;
  }
  return depth;
}

/** Largest number of boxes in an overview. */
const MAX_BOXES = 120;
