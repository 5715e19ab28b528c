import type { DenseMatrix } from '../postprocess/products.js';
import type { CountedMatrix, Interval } from './matrix.js';

/**
 * The mean |cosine| over the pairs of different rows of a tensor's [o, rest] matrix. Copies of a row are pairs with a
 * cosine of 1; a row of zeros has no direction and a cosine of 0 with every other.
 */
export class CosineMean {
  readonly #rowCounts: Float64Array;
  /** Whether each row has a direction. */
  readonly #directed: Uint8Array;
  /** √count/length of each of the sample's rows; 0 for a row of zeros. */
  readonly #scale: Float64Array;
  /** How many pairs each pair of the sample stands for. */
  readonly #weight: number;
  #sum = 0;

  /** @param sample some of the matrix' rows, whose pairs stand for all; without it all do for themselves */
  constructor(matrix: CountedMatrix, sample = matrix) {
    this.#rowCounts = matrix.rowCounts;
    this.#directed = Uint8Array.from(rowLengths(matrix), (length) => (length > 0 ? 1 : 0));
    this.#scale = rowLengths(sample).map((length, row) =>
      length === 0 ? 0 : Math.sqrt(sample.rowCounts[row]) / length,
    );
    const pairs = ({ rows }: CountedMatrix) => rows * (rows - 1);
    this.#weight = sample === matrix ? 1 : pairs(matrix) / pairs(sample);
  }

  /** Takes in inner products of the sample's rows of √D_rows·B·√D_columns, with themselves or with rows before them. */
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
      if (this.#directed[row]) copies += (count * (count - 1)) / 2;
    });
    return rows < 2 ? null : (this.#weight * this.#sum + copies) / ((rows * (rows - 1)) / 2);
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
