import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomKey } from '../../src/random/key.js';
import { normals } from '../../src/random/normal.js';
import { effectiveRank } from '../../src/statistics/effective-rank.js';
import { symmetricEigenvalues } from '../../src/statistics/eigenvalues.js';

/** Returns H diag(values) H for a product H of reflections: a matrix with these eigenvalues. */
function matrixWith(values: readonly number[], seed = 0): Float64Array {
  const n = values.length;
  const matrix = new Float64Array(n * n);
  values.forEach((value, i) => {
    matrix[i * n + i] = value;
  });
  for (let turn = 0; turn < 3; turn++) {
    const v = Float64Array.from(normals(randomKey(seed + turn, 'reflection', 'noise'), 0, n));
    const square = v.reduce((sum, x) => sum + x * x, 0);
    const product = Float64Array.from({ length: n }, (_, i) =>
      v.reduce((sum, x, j) => sum + matrix[i * n + j] * x, 0),
    );
    const along = product.reduce((sum, x, i) => sum + x * v[i], 0);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        matrix[i * n + j] +=
          (-2 * (v[i] * product[j] + product[i] * v[j])) / square + (4 * along * v[i] * v[j]) / square ** 2;
      }
    }
  }
  return matrix;
}

const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);

describe('eigenvalues of a symmetric matrix', () => {
  test('are found to within rounding of the largest, also if they are equal, 0 or negative', () => {
    const value = fc.oneof(
      fc.constantFrom(0, 1, -1),
      fc.double({ min: -10, max: 10, noNaN: true }),
      fc.double({ min: 0, max: 1e-8, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 40 }), fc.nat(1000), (values, seed) => {
        const largest = Math.max(...values.map(Math.abs));
        const found = sorted(symmetricEigenvalues(matrixWith(values, seed), values.length));
        for (const [k, expected] of sorted(values).entries()) {
          expect(Math.abs(found[k] - expected)).toBeLessThanOrEqual(1e-14 * Math.max(largest, 1e-290));
        }
      }),
      { numRuns: 200 },
    );
  });

  test('of a diagonal matrix are its diagonal, exactly', () => {
    const diagonal = [3, -1, 0, 1e-300, 1e300];
    const matrix = Float64Array.from({ length: 25 }, (_, k) => (k % 6 === 0 ? diagonal[k / 6] : 0));
    expect(sorted(symmetricEigenvalues(matrix, 5))).toEqual(sorted(diagonal));
  });

  test('are found if all are too small for their full precision', () => {
    const found = sorted(symmetricEigenvalues(matrixWith([3.5e-323, 0, 1.5e-323], 5), 3));
    for (const value of found) expect(Math.abs(value)).toBeLessThan(1e-304);
  });

  test('depend only on the lower triangle', () => {
    const matrix = matrixWith([1, 2, 3, 4, 5]);
    const lower = matrix.map((value, k) => (k % 5 > Math.floor(k / 5) ? Number.NaN : value));
    expect(symmetricEigenvalues(lower, 5)).toEqual(symmetricEigenvalues(matrix, 5));
  });
});

describe('effective rank', () => {
  const rankOf = (singular: readonly number[]) => {
    const sum = singular.reduce((a, b) => a + b);
    return Math.exp(-singular.reduce((h, s) => h + (s === 0 ? 0 : (s / sum) * Math.log(s / sum)), 0));
  };
  const found = (singular: readonly number[]) =>
    effectiveRank(matrixWith(singular.map((s) => s * s)), singular.length)!;

  test.each([1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 0])(
    'is exact to 1e-3 if all but one of 300 singular values are %d of it',
    (tail) => {
      const singular = [1, ...new Array<number>(299).fill(tail)];
      expect(Math.abs(found(singular) / rankOf(singular) - 1)).toBeLessThan(1e-3);
    },
  );

  test('is within the bounds that the shortcut for nearly orthogonal rows proves', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -0.006, max: 0.006, noNaN: true }), { minLength: 2, maxLength: 30 }),
        (errors) => {
          const singular = errors.map((error) => 0.3 * (1 + error));
          expect(Math.abs(found(singular) / rankOf(singular) - 1)).toBeLessThan(2e-5);
        },
      ),
    );
  });

  test('of zeros is null', () => {
    expect(effectiveRank(new Float64Array(9), 3)).toBeNull();
  });
});
