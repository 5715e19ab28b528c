import type { Matrix } from '../engine/engine.js';

/**
 * The nodes' states before the final norm, [nodes, d], from their input, [nodes, d], and their distances, [nodes, nodes],
 * all row-major.
 */
export type Encoder<M extends Matrix> = (
  input: Float32Array,
  distances: Uint8Array,
  nodes: number,
  signal?: AbortSignal,
) => Promise<M>;
