import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toMatrix, toTensorLayout } from '../../src/postprocess/matrix.js';
import { PlainProducts } from '../../src/postprocess/plain-products.js';
import { elements } from '../../src/tensor/tensor.js';
import { expand, tallMatrix } from './tensors.js';

const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })), {
  minLength: 2,
  maxLength: 2,
});
const kernels = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })), {
  maxLength: 2,
});

describe('a weight as a matrix', () => {
  test('is the transpose of the tall matrix by a block, with any tiling, and can be converted back', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, kernels, async (outer, inner) => {
        const axes = [...outer, ...inner];
        const shape = axes.map(([size]) => size);
        const blockShape = axes.map(([size, period]) => Math.min(size, period));
        const block = Float32Array.from({ length: elements(blockShape) }, (_, i) => i);
        const tensor = { name: 'w', shape, blockShape, block };
        const values = expand(tensor);
        const matrix = toMatrix(tensor);

        const { rows, columns, blockRows, blockColumns } = matrix;
        const repeated = Float32Array.from({ length: rows * columns }, (_, i) => {
          const [row, column] = [Math.floor(i / columns) % blockRows, (i % columns) % blockColumns];
          return matrix.block[row * blockColumns + column];
        });
        const tall = tallMatrix(values, shape);
        expect([tall.length, tall[0].length]).toEqual([columns, rows]);
        expect(repeated.every((value, i) => value === tall[i % columns][Math.floor(i / columns)])).toBe(true);
        expect(await toTensorLayout(repeated, matrix, new PlainProducts())).toEqual(values);
      }),
    );
  });
});
