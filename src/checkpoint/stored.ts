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
  /** The file's description of the images that the GHN was trained on, unchecked; undefined if there is none. */
  readonly images?: unknown;
}
