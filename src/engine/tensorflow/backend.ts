import type * as core from '@tensorflow/tfjs-core';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';

/** TensorFlow.js, from whichever of its packages. */
export type TensorFlow = typeof core;

/** Functions that differ between the backends of TensorFlow.js, or that some of them do badly. */
export interface TensorflowBackend {
  readonly tf: TensorFlow;
  readonly name: 'tensorflow' | 'wasm';
  readonly version: string;
  readonly device: 'cpu' | 'cuda';
  /** The most that weights may take up, in bytes. */
  readonly maxWeightBytes: number;
  /** How many heads of an attention one product computes together. */
  readonly headsAtOnce: number;

  /** x weightᵀ */
  timesTransposed(x: Tensor2D, weight: Tensor2D): Tensor2D;
  /** Entries `start` to `end` - 1 along the first axis, where they lie: gone when `tensor` is. */
  rows<T extends Tensor>(tensor: T, start: number, end: number): T;
  /** [r, c] and n columns' numbers → [r, n]. */
  lookUp(table: Tensor2D, columns: Int32Array): Tensor2D;
  /** Takes a tensor's values to where they are computed with, now rather than at the first use. */
  settle(tensor: Tensor2D): void;
  /** Throws where there is no room for as many more float32, if running out would not throw by itself. */
  reserve(count: number): void;
  /** Bytes that live tensors take up. */
  memory(): number;
}
