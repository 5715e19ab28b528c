/**
 * A predicted tensor as the decoder leaves it: a block that is repeated along every dimension in which it is smaller
 * than the tensor, and cut (spec, section 5, "Tile"). A tensor that post-processing has changed is its own block.
 */
export interface TiledTensor {
  readonly name: string;
  /** 1 to 4 positive integers. */
  readonly shape: readonly number[];
  /** As many dimensions as `shape`, none larger. */
  readonly blockShape: readonly number[];
  /** The block's values, row-major. */
  readonly block: Float32Array;
}

/** The number of entries of a tensor of that shape; 1 for a scalar, []. */
export function elements(shape: readonly number[]): number {
  let count = 1;
  for (const n of shape) count *= n;
  return count;
}
