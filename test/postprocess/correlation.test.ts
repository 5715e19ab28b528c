import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { correlationDeviation } from '../../src/postprocess/correlation.js';
import { toMatrix } from '../../src/postprocess/matrix.js';
import { PlainProducts } from '../../src/postprocess/plain-products.js';
import type { TiledTensor } from '../../src/tensor/tensor.js';
import { CASES } from './cases.js';
import { expand, randomTensor, shapes, tallMatrix } from './tensors.js';

const products = new PlainProducts();
const deviation = (tensor: TiledTensor) => correlationDeviation(toMatrix(tensor), products);

/** Computes the definition: the whole correlation matrix, then the standard deviation of its entries. */
function byDefinition(tensor: TiledTensor): number {
  const rows = tallMatrix(expand(tensor), tensor.shape).map((row) => {
    const mean = row.reduce((sum, x) => sum + x, 0) / row.length;
    const centred = row.map((x) => x - mean);
    return centred.map((x) => x / Math.hypot(...centred));
  });
  const entries = rows.flatMap((a) => rows.map((b) => a.reduce((sum, x, i) => sum + x * b[i], 0)));
  const mean = entries.reduce((sum, x) => sum + x, 0) / entries.length;
  return Math.sqrt(entries.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (entries.length - 1));
}

describe('the standard deviation of the correlations of a weight’s rows', () => {
  test.each(CASES)('is that of the authors for $name', async ({ weight, deviation: expected }) => {
    expect(Math.abs((await deviation(weight)) / expected - 1)).toBeLessThan(1e-7);
  });

  test('equals its definition for every shape, computed from the block alone', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.constantFrom(1, 3, 8, 100), fc.nat(), async (shape, channels, seed) => {
        const tensor = randomTensor('w', shape, channels, seed);
        const expected = byDefinition(tensor);
        const rows = tallMatrix(expand(tensor), shape);
        const varies = rows.every((row) => row.some((x) => x !== row[0]));
        const actual = await deviation(tensor);
        if (varies) expect(Math.abs(actual - expected)).toBeLessThan(1e-7 * expected + 1e-12);
        else expect(actual).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('is exact for rows that are nearly equal', async () => {
    const shape = [12, 5];
    const base = [1, -2, 3, -1, 0.5];
    // Sums of powers of two: these float32 values are exact, and so are their differences.
    const block = Float32Array.from({ length: 60 }, (_, i) => base[i % 5] + ((i * 7) % 11) * 2 ** -14);
    const tensor = { name: 'w', shape, blockShape: shape, block };
    const actual = await deviation(tensor);
    expect(actual).toBeLessThan(1e-7);
    expect(Math.abs(actual / byDefinition(tensor) - 1)).toBeLessThan(1e-5);
  });

  test.each([
    { what: 'rows have one entry', shape: [1, 16, 3, 3], block: (i: number) => i },
    { what: 'one row is constant', shape: [8, 4], block: (i: number) => (i < 4 ? 0.1 : (i * 13) % 7) },
    { what: 'all is zero', shape: [8, 4], block: () => 0 },
    { what: 'there is one entry', shape: [1, 1], block: () => 1 },
  ])('is 0 if $what', async ({ shape, block }) => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => block(i));
    expect(await deviation({ name: 'w', shape, blockShape: shape, block: values })).toBe(0);
  });
});
