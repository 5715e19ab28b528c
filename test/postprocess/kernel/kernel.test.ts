import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Kernel, MAX_FACTOR_ROWS, PIECE_COLUMNS } from '../../../src/postprocess/kernel/kernel.js';
import { randomKey } from '../../../src/random/key.js';
import { normals } from '../../../src/random/normal.js';

const KEY = randomKey(0, 'conv.weight', 'noise');
const kernel = new Kernel();

/** Returns the values after `addNormals`. */
function noisy(values: Float32Array, offset: number, factor: number, count: number): Float32Array {
  kernel.row.set(values);
  kernel.addNormals(KEY, offset, factor, values.length, count);
  return kernel.row.slice(0, values.length);
}

describe('the noise of the kernel', () => {
  test('is the sequence of `normals`, bit for bit, wherever it begins', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 2 ** 34 - 40, max: 2 ** 34 + 40 })),
        fc.integer({ min: 1, max: 9_000 }),
        (offset, count) => {
          expect(noisy(new Float32Array(count), offset, 1, count)).toEqual(normals(KEY, offset, count));
        },
      ),
      { numRuns: 40 },
    );
  });

  test('fills a whole piece', () => {
    expect(noisy(new Float32Array(PIECE_COLUMNS), 3, 1, PIECE_COLUMNS)).toEqual(
      normals(KEY, 3, PIECE_COLUMNS),
    );
  });

  test('is added to the last places, each sum rounded once, and does not change the others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (width, part, factor) => {
          const count = 1 + (part % width);
          const values = Float32Array.from({ length: width }, (_, i) => Math.fround(Math.sin(i)));
          const sequence = normals(KEY, 7, count);
          const expected = values.map((value, i) =>
            i < width - count ? value : value + factor * sequence[i - (width - count)],
          );
          expect(noisy(values, 7, factor, count)).toEqual(expected);
        },
      ),
    );
  });
});

test('a contrast is the row times its number minus the sum of the rows before it', () => {
  for (const width of [1, 2, 3, 4, 5, 63, 64, 1001]) {
    const rows = [1, 2, 3].map((seed) => normals(randomKey(seed, 'row', 'test'), 0, width));
    kernel.sum.fill(0);
    const sum = new Float64Array(width);
    rows.forEach((row, index) => {
      const times = Math.max(1, index);
      kernel.row.set(row);
      const square = kernel.takeMean(times, width);
      const expected = Float64Array.from(row, (value, j) => times * value - sum[j]);
      row.forEach((value, j) => {
        sum[j] += value;
      });
      expect(kernel.contrast.slice(0, width)).toEqual(expected);
      expect(square).toBeCloseTo(
        expected.reduce((total, value) => total + value * value, 0),
        6,
      );
      expect(kernel.scaledContrast(0.5, width)).toEqual(Float32Array.from(expected, (value) => 0.5 * value));
    });
  }
});

test('equal rows have a contrast of exactly 0', () => {
  const row = normals(KEY, 0, 777);
  kernel.sum.fill(0);
  for (let index = 0; index < 100; index++) {
    kernel.row.set(row);
    const square = kernel.takeMean(Math.max(1, index), row.length);
    if (index > 0) expect(square).toBe(0);
  }
});

describe('the inverse of a Cholesky factor', () => {
  /** Returns B Bᵀ of a random matrix with `rows` rows. */
  function gramOf(rows: number, columns: number): Float64Array {
    const b = normals(randomKey(rows, 'gram', 'test'), 0, rows * columns);
    const gram = new Float64Array(rows * rows);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < rows; j++) {
        for (let k = 0; k < columns; k++) gram[i * rows + j] += b[i * columns + k] * b[j * columns + k];
      }
    }
    return gram;
  }

  test.each([1, 2, 3, 7, 8, 63, MAX_FACTOR_ROWS])('gives the identity for a matrix of %i rows', (size) => {
    const gram = gramOf(size, 2 * size + 5);
    const { rows, inverse, smallest } = kernel.inverseCholesky(gram, size, 1e-12);
    expect(rows).toBe(size);
    expect(smallest).toBeGreaterThan(0);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        if (j > i) expect(inverse[i * size + j]).toBe(0);
        let sum = 0;
        for (let k = 0; k <= i; k++) {
          for (let l = 0; l <= j; l++)
            sum += inverse[i * size + k] * gram[k * size + l] * inverse[j * size + l];
        }
        expect(sum).toBeCloseTo(i === j ? 1 : 0, 9);
      }
    }
  });

  test('ends before the first row that depends on those above it', () => {
    const size = 9;
    const gram = gramOf(size, 5);
    const { rows, inverse } = kernel.inverseCholesky(gram, size, 1e-10);
    expect(rows).toBe(5);
    expect(inverse).toHaveLength(25);
    expect(kernel.inverseCholesky(gram.slice(0, 1), 1, 1e-10).inverse[0]).toBe(inverse[0]);
  });
});
