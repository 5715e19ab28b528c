import { client } from '../app/service.js';

/**
 * Limits of the part of a weight that a view downloads: 4 MB of float32, and a number of rows whose spectrum is quick
 * to compute.
 */
export const MAX_WINDOW_VALUES = 2 ** 20;
export const MAX_WINDOW_ROWS = 256;

export interface TensorWindow {
  /** First row of the window in the tensor, viewed as a matrix [first extent, rest]. */
  readonly start: number;
  readonly rows: number;
  readonly columns: number;
  /** Shape [rows, columns], row-major. */
  readonly values: Float32Array;
}

/** Returns the size of a tensor viewed as a matrix: its first dimension by the product of the others. */
export function asMatrix(shape: readonly number[]): { rows: number; columns: number } {
  if (shape.length < 2) return { rows: 1, columns: shape[0] ?? 1 };
  return { rows: shape[0], columns: shape.slice(1).reduce((a, b) => a * b, 1) };
}

/** Returns the number of rows in a window of a tensor. */
export function windowRows(shape: readonly number[]): number {
  const { rows, columns } = asMatrix(shape);
  return Math.max(1, Math.min(rows, MAX_WINDOW_ROWS, Math.floor(MAX_WINDOW_VALUES / columns)));
}

/** Downloads rows of a tensor from `start` on, by a range of its bytes. */
export async function fetchWindow(
  id: string,
  name: string,
  shape: readonly number[],
  start: number,
  signal: AbortSignal,
): Promise<TensorWindow> {
  const matrix = asMatrix(shape);
  const rows = Math.min(windowRows(shape), matrix.rows - start);
  const first = start * matrix.columns;
  // A single row can be longer than a window.
  const end = Math.min(first + rows * matrix.columns, first + MAX_WINDOW_VALUES);
  const values = await client.tensorValues(id, name, first, end, { signal });
  return { start, rows, columns: rows === 1 ? values.length : matrix.columns, values };
}
