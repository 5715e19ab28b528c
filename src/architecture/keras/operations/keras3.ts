import type { KerasLayer } from '../layer.js';
import * as kinds from './kinds.js';
import * as sizes from './sizes.js';

/** Keras 3 writes the output size of an operation at each use, so most need not be computed here. */
const unsized = () => null;

/**
 * Operations in Keras have no weights, and few of them are nodes of a GHN's graphs. For any other operation, the layers
 * before it are connected to the layers after it. Keras 2 does not write its size, which matters only if the shape of a
 * weight depends on it.
 */
export const anyOperation: KerasLayer = kinds.reshaping(unsized);

/** Operations of Keras 3 by class, except those that `anyOperation` describes. */
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
