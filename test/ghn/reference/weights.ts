import { type Checkpoint, readCheckpoint } from '../../../src/ghn/checkpoint.js';
import type { GhnConfig } from '../../../src/ghn/config.js';
import type { Weight } from '../../../src/ghn/weight.js';

export type Vector = Float64Array<ArrayBuffer>;

export const relu = (value: number) => Math.max(0, value);
export const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));

export function addTo(target: Vector, values: ArrayLike<number>): Vector {
  for (let k = 0; k < target.length; k++) target[k] += values[k];
  return target;
}

/** The weights of a checkpoint, and operations on them by name, one vector at a time. */
export class ReferenceWeights {
  readonly config: GhnConfig;
  readonly #weights: ReadonlyMap<string, Weight>;

  static async load(path: string): Promise<ReferenceWeights> {
    return new ReferenceWeights(await readCheckpoint(path));
  }

  private constructor({ config, weights }: Checkpoint) {
    this.config = config;
    this.#weights = weights;
  }

  #get(name: string): Weight {
    const weight = this.#weights.get(name);
    if (!weight) throw new Error(`no ${name}`);
    return weight;
  }

  row(name: string, row: number): Float32Array {
    const { data, shape } = this.#get(`${name}.weight`);
    return data.subarray(row * shape[1], (row + 1) * shape[1]);
  }

  /** Computes one output of a Linear. */
  linearRow(x: Vector, name: string, row: number): number {
    return (
      dot(x, this.#get(`${name}.weight`).data, row) + (this.#weights.get(`${name}.bias`)?.data[row] ?? 0)
    );
  }

  linear(x: Vector, name: string): Vector {
    return this.affine(x, `${name}.weight`, `${name}.bias`);
  }

  affine(x: Vector, weightName: string, biasName: string): Vector {
    const { data, shape } = this.#get(weightName);
    const bias = this.#weights.get(biasName)?.data;
    return Float64Array.from({ length: shape[0] }, (_, row) => dot(x, data, row) + (bias?.[row] ?? 0));
  }

  norm(x: Vector, name: string): Vector {
    const gain = this.#get(`${name}.weight`).data;
    const bias = this.#get(`${name}.bias`).data;
    const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
    const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
    return x.map((value, k) => ((value - mean) / Math.sqrt(variance + 1e-5)) * gain[k] + bias[k]);
  }
}

function dot(x: Vector, matrix: Float32Array, row: number): number {
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += x[k] * matrix[row * x.length + k];
  return sum;
}
