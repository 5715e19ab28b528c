import { symmetricEigenvalues } from './eigenvalues.js';

/** What the shortcut for nearly orthogonal rows may be off by, relatively. */
const SHORTCUT_ERROR = 1e-5;

/**
 * exp of the entropy of the normalised singular values σ/Σσ of a matrix A (Roy and Vetterli, 2007), from G = A Aᵀ, whose
 * eigenvalues are σ²; null for zeros.
 *
 * An eigenvalue is off by some 2^-50 of the largest at worst, so singular values below 1e-7 of the largest are more error
 * than value. Where all of 2048 are, the errors add up to 2e-5 of the largest singular value and change the result by
 * 3e-4 of itself; singular values of 1e-5, as noise leaves them, are exact to 1e-5 of themselves.
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
 * Whether G is so near to c·I that the effective rank is the size. With φ = ‖G/c - I‖ (Frobenius) and c the mean of the
 * diagonal, √x ≥ 1 + (x - 1)/2 - (x - 1)²/2 gives Σσ ≥ √c·(n - φ²/2); an entropy is at least that of second order,
 * -log Σp² = log((Σσ)²/Σσ²), so the rank is between n·(1 - φ²/n) and n.
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
