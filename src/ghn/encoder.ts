import type { Matrix } from '../engine/engine.js';

/**
 * Computes the nodes' states before the final norm, [nodes, d], from the node input, [nodes, d], and the distances,
 * [nodes, nodes]. All are row-major.
 */
export type Encoder<M extends Matrix> = (
  input: Float32Array,
  distances: Uint8Array,
  nodes: number,
  signal?: AbortSignal,
) => Promise<M>;
