/** A block's values and shape; it is the tensor's own, free to be changed. */
export interface Block {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/** [rows, columns] → [columns, rows] */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const transposed = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      transposed[column * rows + row] = matrix[row * columns + column];
    }
  }
  return transposed;
}
