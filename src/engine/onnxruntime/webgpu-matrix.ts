import type { Matrix } from '../engine.js';
import { Tensor } from './library.js';
import type { RowRuns } from './row-runs.js';

/** Values in a buffer of the device, moved there when they are first needed. */
export class DeviceBuffer {
  readonly rows: number;
  readonly columns: number;
  #host: Float32Array | null;
  #tensor: Tensor | null;

  constructor(values: Float32Array | Tensor, rows: number, columns: number) {
    this.rows = rows;
    this.columns = columns;
    this.#host = values instanceof Float32Array ? values : null;
    this.#tensor = values instanceof Float32Array ? null : values;
  }

  get bytes(): number {
    return 4 * this.rows * this.columns;
  }

  get host(): Float32Array | null {
    return this.#host;
  }

  async tensor(move: (host: Tensor) => Promise<Tensor>): Promise<Tensor> {
    if (!this.#tensor) {
      this.#tensor = await move(new Tensor('float32', this.#host!, [this.rows, this.columns]));
      this.#host = null;
    }
    return this.#tensor;
  }

  free(): void {
    this.#tensor?.dispose();
    this.#tensor = null;
    this.#host = null;
  }
}

/** Part of a weight: its rows from `first` on, in a buffer. */
interface Part {
  readonly first: number;
  readonly buffer: DeviceBuffer;
}

/** A weight, split into as many buffers as its size needs. Each buffer holds some of the rows. */
export class Weight {
  readonly parts: readonly Part[];
  readonly columns: number;

  constructor(data: Float32Array, rows: number, columns: number, maxBufferBytes: number) {
    const step = Math.max(1, Math.floor(maxBufferBytes / (4 * columns)));
    const parts: Part[] = [];
    for (let first = 0; first < rows; first += step) {
      const end = Math.min(rows, first + step);
      const values = data.subarray(first * columns, end * columns);
      parts.push({ first, buffer: new DeviceBuffer(values, end - first, columns) });
    }
    this.parts = parts;
    this.columns = columns;
  }

  /** Yields the parts that hold any of these rows, with the rows that each part holds. */
  *partsOf(runs: RowRuns): Generator<{ buffer: DeviceBuffer; runs: RowRuns; first: number }> {
    for (const { first, buffer } of this.parts) {
      const end = first + buffer.rows;
      const own = runs.flatMap(([start, last]) => {
        const run = [Math.max(start, first), Math.min(last, end)] as const;
        return run[0] < run[1] ? [run] : [];
      });
      if (own.length > 0) yield { buffer, runs: own, first };
    }
  }
}

/** Some rows of a weight, reshaped to `rows` rows. They are gathered when an operation needs them. */
export interface WeightRows {
  readonly weight: Weight;
  readonly runs: RowRuns;
}

export class WebgpuMatrix implements Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly source: DeviceBuffer | WeightRows;

  constructor(source: DeviceBuffer | WeightRows, rows: number, columns: number) {
    this.source = source;
    this.rows = rows;
    this.columns = columns;
  }
}

/** Returns true if these are all rows of a weight that has one buffer. */
export function isWhole({ weight, runs }: WeightRows): boolean {
  const [{ buffer }] = weight.parts;
  return weight.parts.length === 1 && runs.length === 1 && runs[0][0] === 0 && runs[0][1] === buffer.rows;
}

/** Combines the rows of several matrices if all are rows of one weight; otherwise returns null. */
export function sameWeight(matrices: readonly WebgpuMatrix[]): WeightRows | null {
  const runs: (readonly [number, number])[] = [];
  let weight: Weight | null = null;
  for (const { source } of matrices) {
    if (source instanceof DeviceBuffer || (weight && weight !== source.weight)) return null;
    weight = source.weight;
    runs.push(...source.runs);
  }
  return weight && { weight, runs };
}
