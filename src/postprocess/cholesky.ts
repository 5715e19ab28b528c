import type { FloatArray } from './products.js';

export interface InverseFactor {
  /** How many leading rows of the Gram matrix were factorised: all, unless one depends on those before it. */
  readonly rows: number;
  /** The smallest entry on the factor's diagonal. */
  readonly smallest: number;
  /** L⁻¹ of these rows, [rows, rows], lower triangular. */
  readonly inverse: Float64Array;
}

/**
 * L⁻¹ of the Cholesky factorisation G = L Lᵀ, the diagonal of L positive, computed in float64.
 *
 * @param gram [size, size], symmetric; only its lower triangle is read
 * @param independent a row whose squared distance to the span of those before it is less than this part of its squared
 *   length ends the factorisation
 */
export function inverseCholesky(gram: FloatArray, size: number, independent: number): InverseFactor {
  const factor = new Float64Array(gram);
  const column = new Float64Array(size);
  let rows = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (; rows < size; rows++) {
    const pivot = factor[rows * size + rows];
    if (!(pivot > independent * gram[rows * size + rows])) break;
    const diagonal = Math.sqrt(pivot);
    smallest = Math.min(smallest, diagonal);
    for (let i = rows; i < size; i++) {
      column[i] = factor[i * size + rows] / diagonal;
      factor[i * size + rows] = column[i];
      const row = i * size;
      for (let j = rows + 1; j <= i; j++) factor[row + j] -= column[i] * column[j];
    }
  }
  return { rows, smallest, inverse: invertLower(factor, size, rows) };
}

function invertLower(factor: Float64Array, size: number, rows: number): Float64Array {
  const inverse = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    const row = i * rows;
    inverse[row + i] = 1;
    for (let k = 0; k < i; k++) {
      const scale = factor[i * size + k];
      const above = k * rows;
      for (let j = 0; j <= k; j++) inverse[row + j] -= scale * inverse[above + j];
    }
    const diagonal = factor[i * size + i];
    for (let j = 0; j <= i; j++) inverse[row + j] /= diagonal;
  }
  return inverse;
}
