import { normals } from '../random/normal.js';
import type { Words4 } from '../random/threefry.js';
import { orthonormaliseRows } from './gram-schmidt.js';
import { PIECE_COLUMNS } from './kernel/kernel.js';
import type { TiledMatrix } from './matrix.js';
import type { NoisyRows } from './noise.js';
import type { FloatArray } from './products.js';
import type { Workspace } from './workspace.js';

/**
 * The least part of a row that may be left in float32: its direction is then still known to 300 · 2^-24 or 2e-5, in
 * fact to far less, since few errors are the largest and they do not add up.
 */
const LEAST_LEFT_FLOAT32 = 1 / 300;

/**
 * The Q of M = QR with R's diagonal positive, transposed as the matrix is (docs/ghn.md, section 7). Where a column of M
 * depends on those before it, a random one, by `key`, is orthonormalised in its place. The result may lie in scratch memory
 * where the matrix is transposed.
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
  // Without a transposition the array becomes the tensor.
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
 * Writes the matrix's rows to their places, each less the mean of its equals before it and of length 1; one that is the
 * same as these is replaced. Without noise a contrast is 0, exactly: a sum of equal float32 numbers is one of float64.
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
  const { kernel } = source;
  const targetOf = (index: number) => (index < blockRows ? head : tail);
  const squares = new Float64Array(rows);
  await source.read(
    {
      first: () => kernel.sum.fill(0),
      each({ index, left, width }) {
        const times = Math.max(1, Math.floor(index / blockRows));
        squares[index] += kernel.takeMean(times, width);
        // The length of a row in several pieces is known at its last one; until then it is as large as its values.
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
