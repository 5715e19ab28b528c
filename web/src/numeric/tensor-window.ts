import { client } from '../app/service.js';

/** As much of a weight as a view fetches: 4 MB of float32, and no more rows than a spectrum of is quick. */
export const MAX_WINDOW_VALUES = 2 ** 20;
export const MAX_WINDOW_ROWS = 256;

export interface TensorWindow {
  /** The first row of the tensor, seen as a matrix [first extent, rest], that the window holds. */
  readonly start: number;
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns], row-major. */
  readonly values: Float32Array;
}

/** A tensor as a matrix: its first dimension by the product of the others. */
export function asMatrix(shape: readonly number[]): { rows: number; columns: number } {
  if (shape.length < 2) return { rows: 1, columns: shape[0] ?? 1 };
  return { rows: shape[0], columns: shape.slice(1).reduce((a, b) => a * b, 1) };
}

/** How many rows a window of a tensor has. */
export function windowRows(shape: readonly number[]): number {
  const { rows, columns } = asMatrix(shape);
  return Math.max(1, Math.min(rows, MAX_WINDOW_ROWS, Math.floor(MAX_WINDOW_VALUES / columns)));
}

/** Fetches rows of a tensor from `start` on, by a range of its bytes. */
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
