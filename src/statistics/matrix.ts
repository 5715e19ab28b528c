import type { DenseMatrix } from '../postprocess/products.js';
import { elements, type TiledTensor } from '../tensor/tensor.js';
import { axesRepetitions } from './multiplicity.js';

/**
 * The block of a tensor as the [o, rest] matrix B of its different entries, with the number of times that the tensor
 * repeats each row and column. With D the diagonal matrices of these counts, √D_rows·B·√D_columns has the singular
 * values of the whole tensor's matrix, except for zeros.
 */
export interface CountedMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly rowCounts: Float64Array;
  readonly columnCounts: Float64Array;
  /** Row-major: [rows, columns], or [columns, rows] if it is transposed. */
  readonly block: Float32Array;
  readonly transposed: boolean;
}

/** @param tensor a tensor with two or more dimensions */
export function countedMatrix({ shape, blockShape, block }: TiledTensor): CountedMatrix {
  return {
    rows: blockShape[0],
    columns: elements(blockShape.slice(1)),
    rowCounts: axesRepetitions({ shape: shape.slice(0, 1), blockShape: blockShape.slice(0, 1) }),
    columnCounts: axesRepetitions({ shape: shape.slice(1), blockShape: blockShape.slice(1) }),
    block,
    transposed: false,
  };
}

export function transposed(matrix: CountedMatrix): CountedMatrix {
  return {
    rows: matrix.columns,
    columns: matrix.rows,
    rowCounts: matrix.columnCounts,
    columnCounts: matrix.rowCounts,
    block: matrix.block,
    transposed: !matrix.transposed,
  };
}

export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Returns the given rows and columns of √D_rows·B·√D_columns. */
export function weightedPart(
  matrix: CountedMatrix,
  rows: Interval,
  columns: Interval,
): DenseMatrix<Float64Array> {
  const height = rows.end - rows.start;
  const width = columns.end - columns.start;
  const data = new Float64Array(height * width);
  const rowWeights = matrix.rowCounts.subarray(rows.start, rows.end).map(Math.sqrt);
  const columnWeights = matrix.columnCounts.subarray(columns.start, columns.end).map(Math.sqrt);
  const { block } = matrix;
  if (matrix.transposed) {
    for (let j = 0; j < width; j++) {
      const from = (columns.start + j) * matrix.rows + rows.start;
      for (let i = 0; i < height; i++) {
        data[i * width + j] = block[from + i] * (rowWeights[i] * columnWeights[j]);
      }
    }
  } else {
    for (let i = 0; i < height; i++) {
      const from = (rows.start + i) * matrix.columns + columns.start;
      for (let j = 0; j < width; j++) {
        data[i * width + j] = block[from + j] * (rowWeights[i] * columnWeights[j]);
      }
    }
  }
  return { data, rows: height, columns: width };
}
