import { symmetricEigenvalues } from './eigenvalues.js';

/** Largest relative error of the shortcut for nearly orthogonal rows. */
const SHORTCUT_ERROR = 1e-5;

/**
 * Returns the effective rank of a matrix A: exp of the entropy of the normalised singular values σ/Σσ (Roy and
 * Vetterli, 2007), computed from G = A Aᵀ, whose eigenvalues are σ². Returns null if A is zero.
 *
 * The error of an eigenvalue is at worst about 2^-50 of the largest, so singular values below 1e-7 of the largest are
 * mostly error. If all of 2048 values are that small, the errors add up to 2e-5 of the largest singular value and
 * change the result by a relative 3e-4. Singular values of 1e-5 of the largest, as noise leaves them, are exact to a
 * relative 1e-5.
 *
 * @param gram [size, size], row-major; only its lower triangle is read; it is overwritten
 */
export function effectiveRank(gram: Float64Array, size: number): number | null {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += gram[i * size + i];
  if (trace === 0) return null;
  if (isNearlyOrthogonal(gram, size, trace / size)) return size;

  const eigenvalues = symmetricEigenvalues(gram, size);
  let sum = 0;
  let logarithms = 0;
  for (const value of eigenvalues) {
    if (value <= 0) continue;
    const singular = Math.sqrt(value);
    sum += singular;
    logarithms += singular * Math.log(singular);
  }
  // -Σ p log p with p = σ/Σσ.
  return Math.exp(Math.log(sum) - logarithms / sum);
}

/**
 * Returns true if G is so close to c·I that the effective rank equals the size. With φ = ‖G/c - I‖ (Frobenius) and c
 * the mean of the diagonal, √x ≥ 1 + (x - 1)/2 - (x - 1)²/2 gives Σσ ≥ √c·(n - φ²/2). An entropy is at least that of
 * second order, -log Σp² = log((Σσ)²/Σσ²), so the rank is between n·(1 - φ²/n) and n.
 */
function isNearlyOrthogonal(gram: Float64Array, size: number, mean: number): boolean {
  const limit = SHORTCUT_ERROR * size;
  let square = 0;
  for (let i = 0; i < size; i++) {
    const row = i * size;
    for (let j = 0; j < i; j++) square += 2 * (gram[row + j] / mean) ** 2;
    square += (gram[row + i] / mean - 1) ** 2;
    if (square > limit) return false;
  }
  return true;
}
