import { elements } from '../tensor/tensor.js';

/** Position embeddings from this many tokens on keep their scale (docs/ghn.md, section 5, "Normalise"). */
const MIN_UNSCALED_LENGTH = 11;

/**
 * Brings a predicted tensor to the scale that a network trains at (docs/ghn.md, section 5, "Normalise"), in place. What is
 * true of the tensor is true of its block: the scale is one number and the squashing works entry by entry.
 *
 * @param shape the tensor's, not the block's
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

/** Factor of a weight that is not a position embedding. */
export function weightScale(shape: readonly number[]): number {
  const fanIn = elements(shape.slice(1));
  if (shape.length > 2) {
    if (shape[0] === 1 && shape[2] >= MIN_UNSCALED_LENGTH) return 1;
    if (shape[1] === 1 || shape[2] < shape[shape.length - 1]) return Math.sqrt(1 / fanIn);
  }
  return Math.sqrt(2 / fanIn);
}
