import type { KerasLayer } from '../layer.js';
import * as kinds from './kinds.js';
import * as sizes from './sizes.js';

/** Keras 3 writes the size of every operation's output where it is used, so few are computed here. */
const unsized = () => null;

/**
 * No operation of Keras has weights, so those that are nodes of a GHN's graphs are few: all others are joined to what
 * they are computed from. One whose size is not known, as Keras 2 has it, matters where a weight depends on that.
 */
export const anyOperation: KerasLayer = kinds.reshaping(unsized);

/** Operations of Keras 3 by their class, where they are more than `anyOperation`. */
export const KERAS3_OPERATIONS: ReadonlyMap<string, KerasLayer> = new Map([
  ['Add', kinds.sum],
  ['Subtract', kinds.sum],
  ['Multiply', kinds.product],
  ['Concatenate', kinds.joining(unsized)],
  ['Stack', kinds.joining(unsized)],
  ['Vstack', kinds.joining(unsized)],
  ['Hstack', kinds.joining(unsized)],
  ['Mean', kinds.mean],
  ['Softmax', kinds.softmax],
  ['Matmul', kinds.matrixProduct(unsized)],
  ['Einsum', kinds.matrixProduct(unsized)],
  ['Dot', kinds.matrixProduct(unsized)],
  ['Tensordot', kinds.matrixProduct(unsized)],
  ['DotProductAttention', kinds.attention],
  ['Reshape', kinds.reshaping(sizes.reshaped)],
  ['Transpose', kinds.reshaping(sizes.transposed)],
  ['ExpandDims', kinds.reshaping(sizes.expanded)],
  ['Squeeze', kinds.reshaping(sizes.squeezed)],
  ['MaxPool', kinds.windowPool('max_pool', 'pool_size')],
  ['AveragePool', kinds.windowPool('avg_pool', 'pool_size')],
  ['AdaptiveAveragePool', kinds.globalAverage],
]);
