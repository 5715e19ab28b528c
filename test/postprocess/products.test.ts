import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { OnnxruntimeProducts } from '../../src/engine/onnxruntime/products.js';
import { PlainProducts } from '../../src/postprocess/plain-products.js';
import type { DenseMatrix, FloatArray } from '../../src/postprocess/products.js';
import { randomKey } from '../../src/random/key.js';
import { normals } from '../../src/random/normal.js';

const onnxruntime = new OnnxruntimeProducts();
afterAll(() => onnxruntime.dispose());

const PRECISIONS = [
  { name: 'float32', ArrayType: Float32Array, tolerance: 2e-5 },
  { name: 'float64', ArrayType: Float64Array, tolerance: 1e-12 },
];

const sizes = fc.tuple(
  fc.integer({ min: 1, max: 20 }),
  fc.integer({ min: 1, max: 20 }),
  fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(1023, 1024, 1025)),
);

function at(matrix: DenseMatrix<FloatArray>, row: number, column: number): number {
  return matrix.data[row * matrix.columns + column];
}

describe.each([
  { implementation: 'onnxruntime', products: onnxruntime },
  { implementation: 'TypeScript', products: new PlainProducts() },
])('products by $implementation', ({ products }) => {
  test('transpose matrices of all sizes', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async ([rows, , columns]) => {
        const a = { data: normals(randomKey(0, 'a', 'test'), 0, rows * columns), rows, columns };
        const y = { data: new Float32Array(rows * columns), rows: columns, columns: rows };
        await products.transpose(a, y);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) expect(at(y, j, i)).toBe(at(a, i, j));
        }
      }),
      { numRuns: 15 },
    );
  });

  describe.each(PRECISIONS)('in $name', ({ ArrayType, tolerance }) => {
    const random = (name: string, rows: number, columns: number): DenseMatrix<FloatArray> => ({
      data: new ArrayType(normals(randomKey(0, name, 'test'), 0, rows * columns)),
      rows,
      columns,
    });

    /** Returns the largest difference from the expected values, relative to the expected rounding. */
    const error = (y: DenseMatrix<FloatArray>, inner: number, expected: (i: number, j: number) => number) => {
      let largest = 0;
      for (let i = 0; i < y.rows; i++) {
        for (let j = 0; j < y.columns; j++)
          largest = Math.max(largest, Math.abs(at(y, i, j) - expected(i, j)));
      }
      return largest / (tolerance * (Math.sqrt(inner) + 1));
    };
    const dot = (length: number, term: (k: number) => number) => {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += term(k);
      return sum;
    };

    test('are correct for all sizes', async () => {
      await fc.assert(
        fc.asyncProperty(sizes, async ([rows, inner, columns]) => {
          const [a, b] = [random('a', rows, inner), random('b', inner, columns)];
          const transposed = random('b', columns, inner);
          const y = random('y', rows, columns);
          await products.multiply(a, b, y);
          expect(error(y, inner, (i, j) => dot(inner, (k) => at(a, i, k) * at(b, k, j)))).toBeLessThan(1);
          await products.multiplyTransposed(a, transposed, y);
          expect(
            error(y, inner, (i, j) => dot(inner, (k) => at(a, i, k) * at(transposed, j, k))),
          ).toBeLessThan(1);
        }),
        { numRuns: 15 },
      );
    });

    test('project a matrix off the span of another, for all sizes', async () => {
      await fc.assert(
        fc.asyncProperty(sizes, async ([rows, columns, basisRows]) => {
          const [x, basis] = [random('x', rows, columns), random('basis', basisRows, columns)];
          basis.data.forEach((value, i) => {
            basis.data[i] = value / Math.sqrt(columns * basisRows);
          });
          const [residual, gram] = [random('r', rows, columns), random('g', rows, rows)];
          await products.project(x, basis, residual, gram);
          const along = Array.from({ length: rows * basisRows }, (_, place) => {
            const [i, k] = [Math.floor(place / basisRows), place % basisRows];
            return dot(columns, (j) => at(x, i, j) * at(basis, k, j));
          });
          const left = (i: number, j: number) =>
            at(x, i, j) - dot(basisRows, (k) => along[i * basisRows + k] * at(basis, k, j));
          expect(error(residual, columns, left)).toBeLessThan(1);
          const square = (i: number, j: number) =>
            dot(columns, (k) => at(residual, i, k) * at(residual, j, k));
          expect(error(gram, columns, square)).toBeLessThan(1);
        }),
        { numRuns: 15 },
      );
    });

    test('change nothing outside the result', async () => {
      const memory = new ArrayType(30).fill(7);
      const y = { data: memory.subarray(10, 16), rows: 2, columns: 3 };
      await products.multiply(random('a', 2, 4), random('b', 4, 3), y);
      expect([...memory.subarray(0, 10), ...memory.subarray(16)].every((value) => value === 7)).toBe(true);
      expect([...y.data].includes(7)).toBe(false);
    });
  });
});
