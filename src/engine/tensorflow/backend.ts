import type * as core from '@tensorflow/tfjs-core';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';

/** The module of TensorFlow.js, from any of its packages. */
export type TensorFlow = typeof core;

/** Functions that differ between the backends of TensorFlow.js, or that are slow in some of them. */
export interface TensorflowBackend {
  readonly tf: TensorFlow;
  readonly name: 'tensorflow' | 'wasm';
  readonly version: string;
  readonly device: 'cpu' | 'cuda';
  /** Largest total size of the weights, in bytes. */
  readonly maxWeightBytes: number;
  /** Number of attention heads that one product computes together. */
  readonly headsAtOnce: number;

  /** Returns x weightᵀ. */
  timesTransposed(x: Tensor2D, weight: Tensor2D): Tensor2D;
  /** Returns entries `start` to `end` - 1 along the first axis without copying; they are freed with `tensor`. */
  rows<T extends Tensor>(tensor: T, start: number, end: number): T;
  /** [r, c] and n columns' numbers → [r, n]. */
  lookUp(table: Tensor2D, columns: Int32Array): Tensor2D;
  /** Moves a tensor's values to the memory where they are computed with, now rather than at the first use. */
  settle(tensor: Tensor2D): void;
  /** Throws if there is no room for `count` more float32 values; does nothing on backends that throw by themselves. */
  reserve(count: number): void;
  /** Returns the number of bytes of live tensors. */
  memory(): number;
}
