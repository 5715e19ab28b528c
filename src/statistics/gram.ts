import type { DenseMatrix, Products } from '../postprocess/products.js';
import { type CountedMatrix, type Interval, weightedPart } from './matrix.js';

export type GramProducts = Pick<Products, 'multiplyTransposed'>;

/** Rows whose inner products are computed at once: enough for fast products, few enough to waste little on the diagonal. */
const BLOCK_ROWS = 512;

/** Columns that are taken at once: parts of 16 MB, however large the matrix is. */
const PANEL_COLUMNS = 4096;

/**
 * Inner products of the rows of A = √D_rows·B·√D_columns, in float64, block by block: A Aᵀ from its diagonal to the
 * left, a block of rows after the other.
 *
 * @param visit gets the products of `rows` with `others`, which are the same rows or rows before them
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

/** The lower triangle of A Aᵀ, [rows, rows], row-major; above it are zeros or products as well. */
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
