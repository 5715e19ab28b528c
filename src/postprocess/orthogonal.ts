import { normals } from '../random/normal.js';
import type { Words4 } from '../random/threefry.js';
import { orthonormaliseRows } from './gram-schmidt.js';
import { PIECE_COLUMNS } from './kernel/kernel.js';
import type { TiledMatrix } from './matrix.js';
import type { NoisyRows } from './noise.js';
import type { FloatArray } from './products.js';
import type { Workspace } from './workspace.js';

/**
 * Smallest part of a row that may remain in float32: its direction is then still known to 300 · 2^-24 or 2e-5, and in
 * practice much better, since few errors are maximal and they do not add up.
 */
const LEAST_LEFT_FLOAT32 = 1 / 300;

/**
 * Computes the Q of M = QR with R's diagonal positive, transposed like the matrix (docs/ghn.md, section 7). If a column
 * of M depends on those before it, a random column, drawn with `key`, is orthonormalised in its place. If the matrix is
 * transposed, the result may be in scratch memory.
 *
 * A predicted weight is a repeated block plus a little noise. Its condition number is about 1e5, and float32 would lose
 * the noise. But Q does not change if earlier columns are subtracted from a column of M, or if a column is scaled. So
 * the mean of the earlier columns that the tiling makes equal is subtracted from each column. Only noise remains, exact
 * and well-conditioned. Then float32 is sufficient, except for the block's own columns. If it turns out not to be
 * sufficient, float64 is used.
 */
export async function orthogonal(
  matrix: TiledMatrix,
  source: NoisyRows,
  key: Words4,
  workspace: Workspace,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { rows, columns, blockRows, transposed } = matrix;
  const { scratch } = workspace;
  const replaceIn = (target: FloatArray) => (index: number) => {
    const row = new Float64Array(normals(key, index * columns, columns));
    scale(row, 1 / Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)));
    target.set(row, index * columns);
  };
  const inFloat64 = (data: Float64Array, from: number) => {
    const conditioning = { leastLeft: 0, replace: replaceIn(data) };
    const x = { data, rows: data.length / columns, columns };
    return orthonormaliseRows(x, from, conditioning, workspace, signal);
  };

  const head = scratch.float64('head', blockRows * columns);
  // If the matrix is not transposed, this array becomes the tensor.
  const single = transposed ? scratch.float32('single', rows * columns) : new Float32Array(rows * columns);
  await readContrasts(matrix, source, { head, tail: single }, replaceIn, signal);
  await inFloat64(head, 0);
  single.set(head);
  const conditioning = { leastLeft: LEAST_LEFT_FLOAT32, replace: replaceIn(single) };
  const x = { data: single, rows, columns };
  const done = await orthonormaliseRows(x, blockRows, conditioning, workspace, signal);
  if (done === rows) return single;

  const double = scratch.float64('double', rows * columns);
  await readContrasts(matrix, source, { head: double, tail: double }, replaceIn, signal);
  double.set(head);
  await inFloat64(double, blockRows);
  single.set(double);
  return single;
}

/**
 * Writes each row of the matrix to its place, minus the mean of the equal rows before it and scaled to length 1. A row
 * that is identical to them is replaced. Without noise, its difference is exactly 0: a sum of equal float32 values is
 * exact in float64.
 *
 * @param head the rows of the block itself
 * @param tail the rows after them, at their places in the whole matrix
 */
async function readContrasts(
  { rows, columns, blockRows }: TiledMatrix,
  source: NoisyRows,
  { head, tail }: { readonly head: FloatArray; readonly tail: FloatArray },
  replaceIn: (target: FloatArray) => (row: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { kernel } = source;
  const targetOf = (index: number) => (index < blockRows ? head : tail);
  const squares = new Float64Array(rows);
  await source.read(
    {
      first: () => kernel.sum.fill(0),
      each({ index, left, width }) {
        const times = Math.max(1, Math.floor(index / blockRows));
        squares[index] += kernel.takeMean(times, width);
        // If a row has several pieces, its length is known only at the last one. Until then the row keeps its scale.
        const factor = width === columns ? 1 / Math.sqrt(squares[index]) : 1 / times;
        const target = targetOf(index);
        if (target instanceof Float32Array) {
          target.set(kernel.scaledContrast(factor, width), index * columns + left);
        } else {
          for (let j = 0; j < width; j++) target[index * columns + left + j] = factor * kernel.contrast[j];
        }
      },
    },
    signal,
  );
  for (let index = 0; index < rows; index++) {
    const target = targetOf(index);
    if (squares[index] === 0) replaceIn(target)(index);
    else if (columns > PIECE_COLUMNS) {
      const times = Math.max(1, Math.floor(index / blockRows));
      scale(target.subarray(index * columns, (index + 1) * columns), times / Math.sqrt(squares[index]));
    }
  }
}

function scale(row: FloatArray, factor: number): void {
  for (let j = 0; j < row.length; j++) row[j] *= factor;
}
