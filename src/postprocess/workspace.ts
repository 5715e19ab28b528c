import { Kernel } from './kernel/kernel.js';
import type { Products } from './products.js';

/** Products, loops and memory for post-processing the tensors of one prediction, one after the other. */
export interface Workspace {
  readonly products: Products;
  readonly kernel: Kernel;
  readonly scratch: Scratch;
}

/** Creates a workspace for one prediction. */
export const workspace = (products: Products): Workspace => ({
  products,
  kernel: new Kernel(),
  scratch: new Scratch(),
});

/**
 * Reusable arrays for intermediate results: allocating memory takes longer than most of the computation in it. An array
 * is valid until the next call with its name.
 */
export class Scratch {
  readonly #float32 = new Map<string, Float32Array>();
  readonly #float64 = new Map<string, Float64Array>();

  /** Returns an array of `length` values, which are not initialised. */
  float32(name: string, length: number): Float32Array {
    const kept = this.#float32.get(name);
    const array = kept && kept.length >= length ? kept : new Float32Array(length);
    this.#float32.set(name, array);
    return array.subarray(0, length);
  }

  /** Returns an array of `length` values, which are not initialised. */
  float64(name: string, length: number): Float64Array {
    const kept = this.#float64.get(name);
    const array = kept && kept.length >= length ? kept : new Float64Array(length);
    this.#float64.set(name, array);
    return array.subarray(0, length);
  }
}
