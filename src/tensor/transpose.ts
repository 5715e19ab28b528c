/** Size of the square tiles: the tiles of both matrices stay in the processor's first cache. */
const TILE = 16;

/**
 * Transposes [rows, columns] to [columns, rows]. Returns the same array if there is only one row or column.
 *
 * @param values row-major
 */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  if (rows === 1 || columns === 1) return values;
  const result = new Float32Array(values.length);
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(top + TILE, rows);
    for (let left = 0; left < columns; left += TILE) {
      const right = Math.min(left + TILE, columns);
      for (let j = left; j < right; j++) {
        for (let i = top; i < bottom; i++) result[j * rows + i] = values[i * columns + j];
      }
    }
  }
  return result;
}
