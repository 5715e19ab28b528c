import type { NumberType } from './dtype.js';

/** A tensor that is still in its file. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly type: NumberType;
  /** Reads the numbers, row-major, as float32. */
  load(): Promise<Float32Array>;
}

/** The state dict that a file of any format holds. */
export interface StateDict {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** As it was found, unchecked; undefined where there is none. */
  readonly config: unknown;
  /** What the file says of the images that the GHN was trained on, as it was found; undefined where it says nothing. */
  readonly images?: unknown;
}
