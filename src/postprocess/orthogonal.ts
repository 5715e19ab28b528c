import { normals } from '../random/normal.js';
import type { Words4 } from '../random/threefry.js';
import { orthonormaliseRows } from './gram-schmidt.js';
import type { TiledMatrix } from './matrix.js';
import type { NoisyRows } from './noise.js';
import type { FloatArray, Products } from './products.js';
import { eachRow } from './turns.js';

/**
 * The least part of a row that may be left in float32: its direction is then still known to 300 · 2^-24 or 2e-5, in
 * fact to far less, since few errors are the largest and they do not add up.
 */
const LEAST_LEFT_FLOAT32 = 1 / 300;

/**
 * The Q of M = QR with R's diagonal positive, transposed as the matrix is (docs/ghn.md, section 7). Where a column of M
 * depends on those before it, a random one, by `key`, is orthonormalised in its place.
 *
 * A predicted weight is a block that is repeated, plus a little noise: its condition is about 1e5, and float32 would
 * lose the noise. But Q stays the same when columns before it are taken from a column of M, and when a column is
 * scaled: so of each column the mean of those is taken that the tiling makes its equals. What is left is noise, exactly
 * and well-conditioned, and then float32 does, except for the block's own columns and where it turns out not to.
 */
export async function orthogonal(
  matrix: TiledMatrix,
  source: NoisyRows,
  key: Words4,
  products: Products,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { rows, columns, blockRows } = matrix;
  const replaceIn = (target: FloatArray) => (index: number) => {
    const row = new Float64Array(normals(key, index * columns, columns));
    scale(row, 1 / Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)));
    target.set(row, index * columns);
  };
  const inFloat64 = (data: Float64Array, from: number) => {
    const conditioning = { leastLeft: 0, replace: replaceIn(data) };
    const x = { data, rows: data.length / columns, columns };
    return orthonormaliseRows(x, from, conditioning, products, signal);
  };

  const head = new Float64Array(blockRows * columns);
  const single = new Float32Array(rows * columns);
  await readContrasts(matrix, source, { head, tail: single }, replaceIn, signal);
  await inFloat64(head, 0);
  single.set(head);
  const conditioning = { leastLeft: LEAST_LEFT_FLOAT32, replace: replaceIn(single) };
  const x = { data: single, rows, columns };
  const done = await orthonormaliseRows(x, blockRows, conditioning, products, signal);
  if (done === rows) return single;

  const double = new Float64Array(rows * columns);
  await readContrasts(matrix, source, { head: double, tail: double }, replaceIn, signal);
  double.set(head);
  await inFloat64(double, blockRows);
  single.set(double);
  return single;
}

/**
 * Writes the matrix's rows to their places, each less the mean of its equals before it and of length 1; one that is the
 * same as these is replaced.
 *
 * @param head the rows of the block itself
 * @param tail those after them, at their places in the whole matrix
 */
async function readContrasts(
  { rows, columns, blockRows }: TiledMatrix,
  source: NoisyRows,
  { head, tail }: { readonly head: FloatArray; readonly tail: FloatArray },
  replaceIn: (target: FloatArray) => (row: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const row = new Float32Array(columns);
  const contrast = new Float64Array(columns);
  const sums = new Float64Array(blockRows * columns);
  const write = (index: number) => {
    source.read(index, row);
    const start = (index % blockRows) * columns;
    const sum = sums.subarray(start, start + columns);
    const square = takeMean(row, sum, Math.floor(index / blockRows), contrast);
    const target = index < blockRows ? head : tail;
    if (square === 0) return replaceIn(target)(index);
    scale(contrast, 1 / Math.sqrt(square));
    target.set(contrast, index * columns);
  };
  await eachRow(rows, columns, write, signal);
}

/**
 * Writes the row less the mean of the `count` rows in `sum` to `contrast`, `count` times as large, and adds the row to
 * `sum`. Without noise the contrast is 0, exactly: a sum of equal float32 numbers is one of float64.
 *
 * @returns the contrast's squared length
 */
function takeMean(row: Float32Array, sum: Float64Array, count: number, contrast: Float64Array): number {
  const times = Math.max(1, count);
  let square = 0;
  for (let j = 0; j < row.length; j++) {
    const value = times * row[j] - sum[j];
    contrast[j] = value;
    square += value * value;
    sum[j] += row[j];
  }
  return square;
}

function scale(row: Float64Array, factor: number): void {
  for (let j = 0; j < row.length; j++) row[j] *= factor;
}
