import { fillNormals } from '../random/normal.js';
import type { Words4 } from '../random/threefry.js';
import type { TiledMatrix } from './matrix.js';

export interface Noise {
  readonly key: Words4;
  /** The standard deviation. */
  readonly scale: number;
  /** The first row and the first column that it is added to. */
  readonly fromRow: number;
  readonly fromColumn: number;
}

/** A weight's rows, with noise, as the float32 numbers that the weight then has. */
export class NoisyRows {
  readonly #matrix: TiledMatrix;
  readonly #noise: Noise;
  readonly #normals: Float32Array;

  constructor(matrix: TiledMatrix, noise: Noise) {
    this.#matrix = matrix;
    this.#noise = noise;
    this.#normals = new Float32Array(Math.max(0, matrix.columns - noise.fromColumn));
  }

  /** Writes row `index` to `row`. The noise at a place depends on the key and the place alone. */
  read(index: number, row: Float32Array): void {
    const { columns, blockRows, blockColumns, block } = this.#matrix;
    const start = (index % blockRows) * blockColumns;
    row.set(block.subarray(start, start + blockColumns));
    for (let done = blockColumns; done < columns; done *= 2) row.copyWithin(done, 0, columns - done);
    const { key, scale, fromRow, fromColumn } = this.#noise;
    if (scale === 0 || index < fromRow || fromColumn >= columns) return;
    const normals = this.#normals;
    fillNormals(key, index * columns + fromColumn, normals);
    for (let j = 0; j < normals.length; j++) row[fromColumn + j] += scale * normals[j];
  }
}
