import { MAX_FACTOR_ROWS } from './kernel/kernel.js';
import { type DenseMatrix, type FloatArray, rowsOf } from './products.js';
import type { Scratch, Workspace } from './workspace.js';

/**
 * Number of rows that are orthonormalised at once: large enough for fast products, small enough for the factorisation.
 */
const BLOCK_ROWS = MAX_FACTOR_ROWS;

/**
 * If less than this remains of a row of length 1, the row counts as dependent on earlier rows: float32 data have no
 * information about so small a remainder.
 */
const DEPENDENT = 1e-10;

/** Part of a row's squared length below which Cholesky in float64 cannot distinguish the row from the earlier ones. */
const INDEPENDENT = 1e-12;

/** Kahan's "twice is enough": if a pass leaves at least this part of each row, the block is orthonormal. */
const REPEAT_BELOW = 0.5;

/**
 * Limit of passes. One pass makes a row orthonormal to within rounding, unless what was left of it was within rounding.
 */
const MAX_PASSES = 10;

export interface Conditioning {
  /**
   * Smallest part of a row that may remain after the earlier rows are projected out: rounding errors grow by its
   * inverse. `orthonormaliseRows` stops at a row with a smaller remainder.
   */
  readonly leastLeft: number;
  /** Replaces a row that depends on the earlier rows by another of length 1. */
  readonly replace: (row: number) => void;
}

/**
 * Gram-Schmidt on the rows of `x`, in place and in blocks: computes the transposed Q of Xᵀ = QR, with R's diagonal
 * positive. A block is projected off the rows above it and orthonormalised by the Cholesky factor of its Gram matrix.
 * If that removes much of a row, it is repeated ("twice is enough"). So all work is products of matrices.
 *
 * @param x rows of length 1, at least as many columns as rows
 * @param from the rows above this one are orthonormal already
 * @returns the number of orthonormal rows: all, unless too little of one remains
 */
export async function orthonormaliseRows<A extends FloatArray>(
  x: DenseMatrix<A>,
  from: number,
  { leastLeft, replace }: Conditioning,
  { products, kernel, scratch }: Workspace,
  signal?: AbortSignal,
): Promise<number> {
  const like = arraysLike(x.data, scratch);
  const residualRows = {
    data: like('residual', BLOCK_ROWS * x.columns),
    rows: BLOCK_ROWS,
    columns: x.columns,
  };
  const gramRows = like('gram', BLOCK_ROWS * BLOCK_ROWS);

  for (let start = from; start < x.rows; ) {
    let end = Math.min(start + BLOCK_ROWS, x.rows);
    for (let pass = 0; ; pass++) {
      if (pass === MAX_PASSES) throw new Error(`rows ${start} to ${end - 1} do not become orthonormal`);
      signal?.throwIfAborted();
      const size = end - start;
      const block = rowsOf(x, start, end);
      const residual = rowsOf(residualRows, 0, size);
      const gram = { data: gramRows.subarray(0, size * size) as A, rows: size, columns: size };
      if (start === 0) {
        residual.data.set(block.data);
        await products.multiplyTransposed(block, block, gram);
      } else {
        await products.project(block, rowsOf(x, 0, start), residual, gram);
      }

      const dependent = [];
      for (let j = 0; j < size; j++)
        if (!(gram.data[j * size + j] > DEPENDENT ** 2)) dependent.push(start + j);
      if (dependent.length > 0 && leastLeft === 0) {
        dependent.forEach(replace);
        continue;
      }
      const { rows, smallest, inverse } = kernel.inverseCholesky(gram.data, size, INDEPENDENT);
      if (leastLeft > 0 && !(rows === size && smallest > leastLeft)) return start;
      end = start + rows;
      const inverseRows = like('inverse', rows * rows);
      inverseRows.set(inverse);
      await products.multiply(
        { data: inverseRows, rows, columns: rows },
        rowsOf(residual, 0, rows),
        rowsOf(x, start, end),
      );
      if (smallest >= REPEAT_BELOW) break;
    }
    start = end;
  }
  return x.rows;
}

/** Returns a function that makes scratch arrays of the type of `data`. */
function arraysLike<A extends FloatArray>(data: A, scratch: Scratch): (name: string, length: number) => A {
  return (name, length) =>
    (data instanceof Float32Array ? scratch.float32(name, length) : scratch.float64(name, length)) as A;
}
