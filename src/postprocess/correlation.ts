import type { TiledMatrix } from './matrix.js';
import type { Products } from './products.js';

/**
 * Returns the standard deviation (n-1) over all entries of the correlation matrix of M's rows (docs/ghn.md, section 7).
 * It is 0 if it would not be finite: if a row has no variance, or there is only one row.
 *
 * With z_i the i-th row, centred and of length 1, z̄ the mean of all and y_i = z_i - z̄, an entry minus the mean of all
 * entries is z̄·y_i + z̄·y_j + y_i·y_j, and over all i and j the three terms are orthogonal to each other. So the sum
 * of squares is exactly 2 n Σ (z̄·y_i)² + ‖YᵀY‖²: the correlation matrix is never formed, and nothing cancels if its
 * entries are nearly equal. Rows and columns that the tiling repeats are counted, not repeated.
 *
 * The result is rounded to float32, because its last bits in float64 depend on the engine, and the noise that it scales
 * must not.
 */
export async function correlationDeviation(matrix: TiledMatrix, products: Products): Promise<number> {
  const { columns, blockRows, blockColumns } = matrix;
  const y = centred(matrix);
  if (!y || columns < 2) return 0;
  const weight = repetitions(columns, blockColumns);

  const mean = new Float64Array(blockRows);
  for (let i = 0; i < blockRows; i++) {
    const row = y.subarray(i * blockColumns, (i + 1) * blockColumns);
    for (let j = 0; j < blockColumns; j++) mean[i] += weight[j] * row[j];
    mean[i] /= columns;
    for (let j = 0; j < blockColumns; j++) row[j] -= mean[i];
  }

  let sum = 0;
  for (let j = 0; j < blockColumns; j++) {
    let along = 0;
    for (let i = 0; i < blockRows; i++) along += mean[i] * y[i * blockColumns + j];
    sum += 2 * columns * weight[j] * along ** 2;
  }
  for (let i = 0; i < blockRows; i++) {
    for (let j = 0; j < blockColumns; j++) y[i * blockColumns + j] *= Math.sqrt(weight[j]);
  }
  const weighted = { data: y, rows: blockRows, columns: blockColumns };
  const gram = new Float64Array(blockRows * blockRows);
  await products.multiplyTransposed(weighted, weighted, { data: gram, rows: blockRows, columns: blockRows });
  for (const entry of gram) sum += entry ** 2;
  const deviation = Math.fround(Math.sqrt(sum / (columns ** 2 - 1)));
  return Number.isFinite(deviation) ? deviation : 0;
}

/**
 * Returns M's different rows as columns, each minus its mean and scaled to length 1, with each entry counted as often
 * as it is repeated. Returns null if a row has no variance.
 */
function centred({ rows, blockRows, blockColumns, block }: TiledMatrix): Float64Array | null {
  const weight = repetitions(rows, blockRows);
  const mean = new Float64Array(blockColumns);
  const square = new Float64Array(blockColumns);
  const lowest = block.slice(0, blockColumns);
  const highest = block.slice(0, blockColumns);
  for (let i = 0; i < blockRows; i++) {
    for (let j = 0; j < blockColumns; j++) {
      const value = block[i * blockColumns + j];
      mean[j] += weight[i] * value;
      if (value < lowest[j]) lowest[j] = value;
      if (value > highest[j]) highest[j] = value;
    }
  }
  if (lowest.some((value, j) => value === highest[j])) return null;
  for (let j = 0; j < blockColumns; j++) mean[j] /= rows;
  const y = new Float64Array(block.length);
  for (let i = 0; i < blockRows; i++) {
    for (let j = 0; j < blockColumns; j++) {
      const value = block[i * blockColumns + j] - mean[j];
      y[i * blockColumns + j] = Math.sqrt(weight[i]) * value;
      square[j] += weight[i] * value * value;
    }
  }
  for (let i = 0; i < blockRows; i++) {
    for (let j = 0; j < blockColumns; j++) y[i * blockColumns + j] /= Math.sqrt(square[j]);
  }
  return y;
}

/** Returns the number of times that each entry of a block of `period` is repeated along `size`. */
function repetitions(size: number, period: number): Float64Array {
  return Float64Array.from({ length: period }, (_, i) => Math.ceil((size - i) / period));
}
