import { type Architecture, OPS } from '../architecture/architecture.js';
import type { ShapeTables } from './shape-tables.js';

/** Rows of embeddings, row-major. */
export interface Embedding {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

export interface NodeEmbeddings {
  /** [ops, d] */
  readonly op: Embedding;
  /** [channel table + 1, d/4] */
  readonly channel: Embedding;
  /** [spatial table + 1, d/4] */
  readonly spatial: Embedding;
  /** Only in GHN-3: embeddings by in-degree, out-degree and distance from the input, each [·, d]. */
  readonly centrality: {
    readonly in: Embedding;
    readonly out: Embedding;
    readonly inputDistance: Embedding;
  } | null;
}

/**
 * Returns the encoder's input for each node, [nodes, d]: its operation, its shape and, for a GHN-3, its place in the
 * graph (docs/ghn.md, section 2 and the first lines of section 3).
 *
 * @param distances [nodes, nodes], row-major, from `distances`
 */
export function nodeInput(
  architecture: Architecture,
  distances: Uint8Array,
  embeddings: NodeEmbeddings,
  shapeTables: ShapeTables,
): Float32Array {
  const { nodes, edges } = architecture;
  const hidden = embeddings.op.columns;
  const quarter = hidden / 4;
  const x = new Float32Array(nodes.length * hidden);

  const addRow = (embedding: Embedding, row: number, at: number) => {
    const start = row * embedding.columns;
    for (let k = 0; k < embedding.columns; k++) x[at + k] += embedding.data[start + k];
  };

  nodes.forEach((node, index) => {
    const at = index * hidden;
    const [outputs, inputs, height, width] = shapeTables.rows(node);
    addRow(embeddings.op, OPS.indexOf(node.op), at);
    addRow(embeddings.channel, outputs, at);
    addRow(embeddings.channel, inputs, at + quarter);
    addRow(embeddings.spatial, height, at + 2 * quarter);
    addRow(embeddings.spatial, width, at + 3 * quarter);
  });

  if (embeddings.centrality) {
    const { in: byInDegree, out: byOutDegree, inputDistance } = embeddings.centrality;
    const inDegree = new Uint32Array(nodes.length);
    const outDegree = new Uint32Array(nodes.length);
    for (const [from, to] of edges) {
      outDegree[from]++;
      inDegree[to]++;
    }
    for (let index = 0; index < nodes.length; index++) {
      const at = index * hidden;
      addRow(byInDegree, Math.min(inDegree[index], byInDegree.rows - 1), at);
      addRow(byOutDegree, Math.min(outDegree[index], byOutDegree.rows - 1), at);
      addRow(inputDistance, Math.min(distances[index], inputDistance.rows - 1), at);
    }
  }
  return x;
}
