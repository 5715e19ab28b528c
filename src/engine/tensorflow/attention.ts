import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { TensorflowBackend } from './backend.js';

/**
 * Largest number of attention scores that are computed together. They take 32 MiB, and about five copies of them exist
 * for a moment. All scores of 5,000 nodes and 16 heads would be 1.6 GB.
 */
export const MAX_SCORES = 8 * 2 ** 20;

/** Returns the number of nodes whose attention is computed at once. */
function chunkRows(nodes: number, headsAtOnce: number): number {
  return Math.max(1, Math.floor(MAX_SCORES / (nodes * headsAtOnce)));
}

/** Returns the largest number of float32 values that `attention` needs besides its arguments, including its result. */
export function attentionCount(nodes: number, hidden: number, headsAtOnce: number): number {
  const scores = Math.min(nodes, chunkRows(nodes, headsAtOnce)) * nodes * headsAtOnce;
  return 5 * scores + 12 * nodes * hidden;
}

/** Computes `Engine.attention` for some of the nodes and heads at a time. */
export function attention(
  backend: TensorflowBackend,
  qkv: Tensor2D,
  bias: { readonly table: Tensor2D; readonly row: Int32Array },
  heads: number,
): Tensor2D {
  const { tf } = backend;
  const [nodes, width] = qkv.shape;
  const hidden = width / 3;
  const size = hidden / heads;
  const together = Math.min(heads, backend.headsAtOnce);
  const step = chunkRows(nodes, together);
  const table: Tensor2D = tf.transpose(bias.table);

  /** [rows, 3·d] → [3·heads, rows, d/heads]: first the queries of each head, then the keys, then the values. */
  const byHead = (rows: Tensor2D): Tensor3D =>
    tf.reshape(tf.transpose(tf.reshape(rows, [-1, 3, heads, size]), [1, 2, 0, 3]), [3 * heads, -1, size]);
  const all = byHead(qkv);

  const chunks: Tensor2D[] = [];
  for (let start = 0; start < nodes; start += step) {
    const end = Math.min(nodes, start + step);
    const row = bias.row.subarray(start * nodes, end * nodes);
    chunks.push(
      tf.tidy(() => {
        const own = end - start === nodes ? all : byHead(backend.rows(qkv, start, end));
        const groups: Tensor3D[] = [];
        for (let head = 0; head < heads; head += together) {
          groups.push(tf.tidy(() => attend(own, head, row)));
        }
        const values = groups.length === 1 ? groups[0] : tf.concat(groups);
        return tf.reshape(tf.transpose(values, [1, 0, 2]), [-1, hidden]);
      }),
    );
  }
  return chunks.length === 1 ? chunks[0] : tf.concat(chunks);

  /** Computes `together` heads from `head` on; returns [heads, rows of `own`, d/heads]. */
  function attend(own: Tensor3D, head: number, row: Int32Array): Tensor3D {
    const part = (of: Tensor3D, third: number): Tensor3D =>
      backend.rows(of, third * heads + head, third * heads + head + together);
    const queries = tf.mul(part(own, 0), size ** -0.5);
    const scores = tf.matMul(queries, tf.transpose(part(all, 1), [0, 2, 1]));
    const biases = tf.reshape(backend.lookUp(backend.rows(table, head, head + together), row), scores.shape);
    return tf.matMul(tf.softmax(tf.add(scores, biases)), part(all, 2));
  }
}
