import type { Matrix } from '../engine.js';
import { Tensor } from './library.js';
import type { RowRuns, WeightRows } from './row-runs.js';

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

export class WebgpuMatrix implements Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Rows of a weight are gathered when an operation needs them, and may be reshaped to another number of rows. */
  readonly source: DeviceBuffer | WeightRows<Weight>;

  constructor(source: DeviceBuffer | WeightRows<Weight>, rows: number, columns: number) {
    this.source = source;
    this.rows = rows;
    this.columns = columns;
  }
}

/** Returns true if these are all rows of a weight that has one buffer. */
export function isWhole({ weight, runs }: WeightRows<Weight>): boolean {
  const [{ buffer }] = weight.parts;
  return weight.parts.length === 1 && runs.length === 1 && runs[0][0] === 0 && runs[0][1] === buffer.rows;
}
