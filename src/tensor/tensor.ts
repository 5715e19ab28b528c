import { type Dtype, rounded } from './dtype.js';

/**
 * A predicted tensor as the decoder leaves it: a block that is repeated along every dimension in which it is smaller
 * than the tensor, and cut (docs/ghn.md, section 5, "Tile"). A tensor that post-processing has changed is its own block.
 */
export interface TiledTensor {
  readonly name: string;
  /** 1 to 4 positive integers. */
  readonly shape: readonly number[];
  /** The same number of dimensions as `shape`, each at most as long. */
  readonly blockShape: readonly number[];
  /** The block's values, row-major. */
  readonly block: Float32Array;
}

/** A tensor whose block is in memory, or in a store that is read piece by piece. Answers are written from these. */
export interface TensorSource {
  readonly name: string;
  readonly shape: readonly number[];
  readonly blockShape: readonly number[];
  /**
   * Returns the block's entries `start` to `end` - 1, row-major: directly if they are in memory, otherwise as a
   * promise. The caller must not change them.
   */
  readBlock(start: number, end: number): Float32Array | Promise<Float32Array>;
}

/** Wraps a tensor in memory as a source. */
export function tensorSource({ name, shape, blockShape, block }: TiledTensor): TensorSource {
  return { name, shape, blockShape, readBlock: (start, end) => block.subarray(start, end) };
}

/** Wraps a source so that it gives the values as written in that type. */
export function roundedSource(source: TensorSource, dtype: Dtype): TensorSource {
  if (dtype === 'F32') return source;
  const { name, shape, blockShape } = source;
  return {
    name,
    shape,
    blockShape,
    readBlock(start, end) {
      const values = source.readBlock(start, end);
      return values instanceof Promise ? values.then((read) => rounded(read, dtype)) : rounded(values, dtype);
    },
  };
}

/** Returns true if the tensor is larger than its block. */
export function isTiled({ shape, blockShape }: Pick<TensorSource, 'shape' | 'blockShape'>): boolean {
  return shape.some((size, axis) => blockShape[axis] < size);
}

/** Returns the number of entries of a tensor with that shape; 1 for a scalar, []. */
export function elements(shape: readonly number[]): number {
  let count = 1;
  for (const n of shape) count *= n;
  return count;
}
