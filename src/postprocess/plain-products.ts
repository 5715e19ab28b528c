import { setImmediate } from 'node:timers/promises';
import { transpose } from '../tensor/transpose.js';
import type { DenseMatrix, FloatArray, Products } from './products.js';

/** Rows of a matrix are processed in pieces of this many columns, which stay in the processor's first cache. */
const PIECE = 1024;

/** Number of multiplications between two turns of the event loop: about 20 ms. */
const TURN = 2 ** 25;

/**
 * Computes products in TypeScript, for engines whose library does not multiply in float64 in this process's memory.
 * They accumulate in float64 and are as exact as native ones, but about fifty times slower.
 */
export class PlainProducts implements Products {
  readonly library = 'TypeScript';

  async multiply<A extends FloatArray>(
    a: DenseMatrix<A>,
    b: DenseMatrix<A>,
    y: DenseMatrix<A>,
  ): Promise<void> {
    y.data.fill(0);
    await addProduct(y, 1, a, b);
  }

  async multiplyTransposed<A extends FloatArray>(
    a: DenseMatrix<A>,
    b: DenseMatrix<A>,
    y: DenseMatrix<A>,
  ): Promise<void> {
    await inTurns(y.rows, a.columns * y.columns, (i) => dotProducts(y.data, a, b, i));
  }

  async project<A extends FloatArray>(
    x: DenseMatrix<A>,
    basis: DenseMatrix<A>,
    residual: DenseMatrix<A>,
    gram: DenseMatrix<A>,
  ): Promise<void> {
    const data = new Float64Array(x.rows * basis.rows);
    const along = { data, rows: x.rows, columns: basis.rows };
    await inTurns(along.rows, x.columns * along.columns, (i) => dotProducts(along.data, x, basis, i));
    residual.data.set(x.data);
    await addProduct(residual, -1, along, basis);
    await this.multiplyTransposed(residual, residual, gram);
  }

  async transpose(a: DenseMatrix<Float32Array>, y: DenseMatrix<Float32Array>): Promise<void> {
    y.data.set(transpose(a.data, a.rows, a.columns));
  }
}

/** Computes y += sign · a b. */
async function addProduct(
  y: DenseMatrix<FloatArray>,
  sign: number,
  a: DenseMatrix<FloatArray>,
  b: DenseMatrix<FloatArray>,
): Promise<void> {
  await inTurns(y.rows, a.columns * y.columns, (i) => addProductRow(y.data, sign, a, b, i));
}

async function inTurns(rows: number, perRow: number, compute: (row: number) => void): Promise<void> {
  const rowsPerTurn = Math.ceil(TURN / perRow);
  for (let row = 0; row < rows; row++) {
    if (row % rowsPerTurn === 0) await setImmediate();
    compute(row);
  }
}

/** Adds to row i of y: sign · row i of a · b, four rows of b at a time. */
function addProductRow(
  y: FloatArray,
  sign: number,
  a: DenseMatrix<FloatArray>,
  b: DenseMatrix<FloatArray>,
  i: number,
): void {
  const { columns, data } = b;
  const factor = (k: number) => (k < a.columns ? sign * a.data[i * a.columns + k] : 0);
  const sums = new Float64Array(Math.min(PIECE, columns));
  for (let left = 0; left < columns; left += PIECE) {
    const width = Math.min(PIECE, columns - left);
    const start = i * columns + left;
    for (let j = 0; j < width; j++) sums[j] = y[start + j];
    for (let k = 0; k < a.columns; k += 4) {
      const [f0, f1, f2, f3] = [factor(k), factor(k + 1), factor(k + 2), factor(k + 3)];
      // After the last row, the factor is 0 and the last row is read again.
      const at = (row: number) => Math.min(row, a.columns - 1) * columns + left;
      const [b0, b1, b2, b3] = [at(k), at(k + 1), at(k + 2), at(k + 3)];
      for (let j = 0; j < width; j++) {
        sums[j] += f0 * data[b0 + j] + f1 * data[b1 + j] + f2 * data[b2 + j] + f3 * data[b3 + j];
      }
    }
    for (let j = 0; j < width; j++) y[start + j] = sums[j];
  }
}

/** Computes row i of y as b times row i of a, four rows of b at a time. */
function dotProducts(y: FloatArray, a: DenseMatrix<FloatArray>, b: DenseMatrix<FloatArray>, i: number): void {
  const { columns, data, rows } = b;
  const start = i * columns;
  for (let j = 0; j < rows; j += 4) {
    const at = (row: number) => Math.min(row, rows - 1) * columns;
    const [b0, b1, b2, b3] = [at(j), at(j + 1), at(j + 2), at(j + 3)];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let k = 0; k < columns; k++) {
      const value = a.data[start + k];
      s0 += value * data[b0 + k];
      s1 += value * data[b1 + k];
      s2 += value * data[b2 + k];
      s3 += value * data[b3 + k];
    }
    const sums = [s0, s1, s2, s3];
    for (let n = 0; n < 4 && j + n < rows; n++) y[i * rows + j + n] = sums[n];
  }
}
