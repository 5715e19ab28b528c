import type { NumberType } from './dtype.js';

/** A tensor whose numbers are still in the file. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly type: NumberType;
  /** Reads the numbers, row-major, as float32. */
  load(): Promise<Float32Array>;
}

/** The state dict of a file in any format. */
export interface StateDict {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The config as found, unchecked; undefined if there is none. */
  readonly config: unknown;
  /** The file's description of the images that the GHN was trained on, unchecked; undefined if there is none. */
  readonly images?: unknown;
}
