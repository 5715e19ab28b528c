/** A block's values and shape. The values belong to this tensor alone, so they may be changed. */
export interface Block {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}
