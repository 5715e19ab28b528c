import type { DenseMatrix } from '../postprocess/products.js';
import type { CountedMatrix, Interval } from './matrix.js';

/**
 * Computes the mean |cosine| over the pairs of different rows of a tensor's [o, rest] matrix. Copies of a row are pairs
 * with cosine 1. A row of zeros has no direction, and its cosine with every other row counts as 0.
 */
export class CosineMean {
  readonly #rowCounts: Float64Array;
  /** 1 for each row with a direction, 0 for rows of zeros. */
  readonly #directed: Uint8Array;
  /** √count/length of each row in the sample; 0 for a row of zeros. */
  readonly #scale: Float64Array;
  /** Number of pairs of the matrix that each pair of the sample represents. */
  readonly #weight: number;
  #sum = 0;

  /** @param sample rows of the matrix whose pairs represent all pairs; by default all rows */
  constructor(matrix: CountedMatrix, sample = matrix) {
    this.#rowCounts = matrix.rowCounts;
    this.#directed = Uint8Array.from(rowLengths(matrix), (length) => (length > 0 ? 1 : 0));
    this.#scale = rowLengths(sample).map((length, row) =>
      length === 0 ? 0 : Math.sqrt(sample.rowCounts[row]) / length,
    );
    const pairs = ({ rows }: CountedMatrix) => rows * (rows - 1);
    this.#weight = sample === matrix ? 1 : pairs(matrix) / pairs(sample);
  }

  /** Adds inner products of the sample's rows of √D_rows·B·√D_columns, with themselves or with earlier rows. */
  add(rows: Interval, others: Interval, { data, columns }: DenseMatrix<Float64Array>): void {
    for (let i = rows.start; i < rows.end; i++) {
      const row = (i - rows.start) * columns - others.start;
      const end = Math.min(i, others.end);
      let sum = 0;
      for (let j = others.start; j < end; j++) sum += Math.abs(data[row + j]) * this.#scale[j];
      this.#sum += sum * this.#scale[i];
    }
  }

  /** Returns the mean once all blocks are added; null if there is no pair. */
  mean(): number | null {
    let rows = 0;
    let copies = 0;
    this.#rowCounts.forEach((count, row) => {
      rows += count;
      if (this.#directed[row]) copies += (count * (count - 1)) / 2;
    });
    return rows < 2 ? null : (this.#weight * this.#sum + copies) / ((rows * (rows - 1)) / 2);
  }
}

/** Returns the length of each row in the whole tensor. */
function rowLengths({ rows, columns, columnCounts, block }: CountedMatrix): Float64Array {
  const lengths = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let square = 0;
    for (let j = 0; j < columns; j++) square += columnCounts[j] * block[i * columns + j] ** 2;
    lengths[i] = Math.sqrt(square);
  }
  return lengths;
}
