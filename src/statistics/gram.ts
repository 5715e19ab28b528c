import type { DenseMatrix, Products } from '../postprocess/products.js';
import { type CountedMatrix, type Interval, weightedPart } from './matrix.js';

export type GramProducts = Pick<Products, 'multiplyTransposed'>;

/**
 * Number of rows whose inner products are computed at once: enough for fast products, but few enough to waste little on
 * the diagonal.
 */
const BLOCK_ROWS = 512;

/** Number of columns that are processed at once: parts of 16 MB, however large the matrix is. */
const PANEL_COLUMNS = 4096;

/**
 * Computes inner products of the rows of A = √D_rows·B·√D_columns in float64, block by block: for each block of rows, A
 * Aᵀ from the diagonal to the left.
 *
 * @param visit called with the products of `rows` with `others`, which are the same rows or earlier ones
 */
export async function visitGramBlocks(
  matrix: CountedMatrix,
  products: GramProducts,
  visit: (rows: Interval, others: Interval, gram: DenseMatrix<Float64Array>) => void,
): Promise<void> {
  const blocks = intervals(matrix.rows, BLOCK_ROWS);
  const panels = intervals(matrix.columns, PANEL_COLUMNS);
  for (const [index, rows] of blocks.entries()) {
    for (const others of blocks.slice(0, index + 1)) {
      const size = { rows: rows.end - rows.start, columns: others.end - others.start };
      const gram = { data: new Float64Array(size.rows * size.columns), ...size };
      const further = panels.length > 1 ? { ...gram, data: new Float64Array(gram.data.length) } : gram;
      for (const [place, panel] of panels.entries()) {
        const a = weightedPart(matrix, rows, panel);
        const b = others === rows ? a : weightedPart(matrix, others, panel);
        const product = place === 0 ? gram : further;
        await products.multiplyTransposed(a, b, product);
        if (place > 0) for (let k = 0; k < gram.data.length; k++) gram.data[k] += product.data[k];
      }
      visit(rows, others, gram);
    }
  }
}

/** Returns the lower triangle of A Aᵀ, [rows, rows], row-major. The upper triangle holds zeros or products too. */
export async function gramMatrix(matrix: CountedMatrix, products: GramProducts): Promise<Float64Array> {
  const size = matrix.rows;
  const whole = new Float64Array(size * size);
  await visitGramBlocks(matrix, products, (rows, others, { data, columns }) => {
    for (let i = rows.start; i < rows.end; i++) {
      const row = (i - rows.start) * columns;
      whole.set(data.subarray(row, row + columns), i * size + others.start);
    }
  });
  return whole;
}

function intervals(size: number, length: number): Interval[] {
  return Array.from({ length: Math.ceil(size / length) }, (_, index) => ({
    start: index * length,
    end: Math.min(size, (index + 1) * length),
  }));
}
