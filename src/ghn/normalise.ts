import { elements } from '../tensor/tensor.js';

/** Position embeddings with at least this many tokens keep their scale (docs/ghn.md, section 5, "Normalise"). */
const MIN_UNSCALED_LENGTH = 11;

/**
 * Scales a predicted tensor, in place, so that the network can be trained (docs/ghn.md, section 5, "Normalise"). It is
 * enough to scale the tensor's block: the scale is a single number, and the squashing is elementwise.
 *
 * @param shape the tensor's shape, not the block's
 */
export function normalise(block: Float32Array, shape: readonly number[], role: 'weight' | 'bias'): void {
  if (shape.length === 1) {
    if (role === 'weight') {
      for (let k = 0; k < block.length; k++) block[k] = 2 / (1 + Math.exp(-0.5 * block[k]));
    } else {
      for (let k = 0; k < block.length; k++) block[k] = Math.tanh(0.2 * block[k]);
    }
    return;
  }
  const scale = weightScale(shape);
  if (scale === 1) return;
  for (let k = 0; k < block.length; k++) block[k] *= scale;
}

/** The scale of a weight that is not a position embedding. */
export function weightScale(shape: readonly number[]): number {
  const fanIn = elements(shape.slice(1));
  if (shape.length > 2) {
    if (shape[0] === 1 && shape[2] >= MIN_UNSCALED_LENGTH) return 1;
    if (shape[1] === 1 || shape[2] < shape[shape.length - 1]) return Math.sqrt(1 / fanIn);
  }
  return Math.sqrt(2 / fanIn);
}
