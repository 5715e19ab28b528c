import type { DenseMatrix } from '../postprocess/products.js';
import type { CountedMatrix, Interval } from './matrix.js';

/**
 * The mean |cosine| over the pairs of different rows of a tensor's [o, rest] matrix. Copies of a row are pairs with a
 * cosine of 1; a row of zeros has no direction and a cosine of 0 with every other.
 */
export class CosineMean {
  readonly #rowCounts: Float64Array;
  /** √count/length of each row; 0 for a row of zeros. */
  readonly #scale: Float64Array;
  #sum = 0;

  constructor(matrix: CountedMatrix) {
    this.#rowCounts = matrix.rowCounts;
    this.#scale = rowLengths(matrix).map((length, row) =>
      length === 0 ? 0 : Math.sqrt(matrix.rowCounts[row]) / length,
    );
  }

  /** Takes in inner products of the rows of √D_rows·B·√D_columns, with themselves or with rows before them. */
  add(rows: Interval, others: Interval, { data, columns }: DenseMatrix<Float64Array>): void {
    for (let i = rows.start; i < rows.end; i++) {
      const row = (i - rows.start) * columns - others.start;
      const end = Math.min(i, others.end);
      let sum = 0;
      for (let j = others.start; j < end; j++) sum += Math.abs(data[row + j]) * this.#scale[j];
      this.#sum += sum * this.#scale[i];
    }
  }

  /** Once every block is in; null where there is no pair. */
  mean(): number | null {
    let rows = 0;
    let copies = 0;
    this.#rowCounts.forEach((count, row) => {
      rows += count;
      if (this.#scale[row] > 0) copies += (count * (count - 1)) / 2;
    });
    return rows < 2 ? null : (this.#sum + copies) / ((rows * (rows - 1)) / 2);
  }
}

/** Each row's length in the whole tensor. */
function rowLengths({ rows, columns, columnCounts, block }: CountedMatrix): Float64Array {
  const lengths = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let square = 0;
    for (let j = 0; j < columns; j++) square += columnCounts[j] * block[i * columns + j] ** 2;
    lengths[i] = Math.sqrt(square);
  }
  return lengths;
}
