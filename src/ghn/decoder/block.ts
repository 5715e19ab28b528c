/** A block's values and shape; it is the tensor's own, free to be changed. */
export interface Block {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}
