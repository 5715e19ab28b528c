import type { Matrix } from '../engine.js';
import type { InferenceSession } from './library.js';
import type { WeightRows } from './row-runs.js';

/** An uploaded weight. It is in the process's memory until a session holds it on the device. */
export class Weight {
  data: Float32Array | null;
  readonly rows: number;
  readonly columns: number;
  /** Set once a session is made for this weight alone, or a recording has taken it. */
  session: Promise<InferenceSession> | 'recorded' | null = null;

  constructor(data: Float32Array, rows: number, columns: number) {
    this.data = data;
    this.rows = rows;
    this.columns = columns;
  }
}

/** A matrix in the process's memory, or some rows of a weight. */
export class CudaMatrix implements Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly source: Float32Array | WeightRows<Weight>;

  constructor(source: CudaMatrix['source'], rows: number, columns: number) {
    this.source = source;
    this.rows = rows;
    this.columns = columns;
  }
}
