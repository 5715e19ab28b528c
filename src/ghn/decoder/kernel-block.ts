import type { PredictedTensor } from '../../architecture/tensors.js';
import { randomKey } from '../../random/key.js';
import { normals } from '../../random/normal.js';
import { isTokenSequence, tokenGridSide } from '../shape-tables.js';
import type { Block } from './block.js';
import type { KernelTask } from './kernel-tasks.js';
import { resizeBilinear } from './resize.js';
import { type DecoderShape, kernelWindow } from './window.js';

/** Standard deviation of the rows that are drawn at random (docs/ghn.md, section 5). */
export const TOKEN_STD = 0.02;

/** The shape of the kernel from which a weight of two to four dimensions is made, [o, i, height, width]. */
function kernelShape({ shape }: PredictedTensor): readonly [number, number, number, number] {
  if (isTokenSequence(shape)) {
    const side = tokenGridSide(shape);
    return [1, shape[2], side, side];
  }
  const [o, i, height = 1, width = 1] = shape;
  return [o, i, height, width];
}

/** The part of the decoder's plane and channels that a weight uses. */
export function kernelTask(
  tensor: PredictedTensor,
  { windowPlace, spatial, channels }: DecoderShape,
): KernelTask {
  const [o, i, height, width] = kernelShape(tensor);
  return {
    node: tensor.node,
    window: kernelWindow(windowPlace, spatial, height, width),
    outputs: Math.min(o, channels),
    inputs: Math.min(i, channels),
  };
}

/**
 * Makes a weight's block from its decoded window: resizes it if the kernel is larger, and gives it the weight's layout.
 */
export function kernelBlock(
  tensor: PredictedTensor,
  { window, outputs, inputs }: KernelTask,
  decoded: Float32Array,
  seed: number,
): Block {
  const [, , height, width] = kernelShape(tensor);
  const values =
    height > window.height || width > window.width
      ? resizeBilinear(decoded, [window.height, window.width], [height, width])
      : decoded;
  if (isTokenSequence(tensor.shape)) return tokenBlock(tensor, values, inputs, seed);
  const shape = [outputs, inputs, height, width].slice(0, tensor.shape.length);
  return { values, shape };
}

/**
 * A position embedding, [1, L, width]: the tokens of the grid, after randomly drawn rows for tokens outside the grid.
 */
export function tokenBlock(tensor: PredictedTensor, grid: Float32Array, width: number, seed: number): Block {
  const tokens = tensor.shape[1];
  const onGrid = grid.length / width;
  const drawn = tokens - onGrid;
  const values = new Float32Array(tokens * width);
  if (drawn > 0) {
    const rows = normals(randomKey(seed, tensor.name, 'token'), 0, drawn * width);
    for (let k = 0; k < rows.length; k++) values[k] = TOKEN_STD * rows[k];
  }
  for (let channel = 0; channel < width; channel++) {
    for (let token = 0; token < onGrid; token++) {
      values[(drawn + token) * width + channel] = grid[channel * onGrid + token];
    }
  }
  return { values, shape: [1, tokens, width] };
}
