import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PlainProducts } from '../../src/postprocess/plain-products.js';
import { tensorStatisticsSchema } from '../../src/statistics/schema.js';
import { tensorStatistics } from '../../src/statistics/tensor-statistics.js';
import { expand, tensorOf, tiledTensors } from '../tensor/arbitrary.js';
import { numpyCases, relativeError } from './numpy.js';

const products = new PlainProducts();

describe('statistics of a tensor', () => {
  test.each(numpyCases())('equal numpy’s of the expanded array: $title', async ({ tensor, expected }) => {
    const actual = await tensorStatistics(tensor, products);
    expect(tensorStatisticsSchema.parse(actual)).toEqual(actual);
    expect(actual).toMatchObject({ name: tensor.name, shape: tensor.shape });
    expect(actual.count).toBe(expected.count);
    expect(actual.zeros).toBe(expected.zeros);
    for (const moment of ['mean', 'std', 'min', 'max', 'l2'] as const) {
      expect(relativeError(actual[moment], expected[moment])).toBeLessThan(1e-10);
    }
    expect(actual.histogram!.counts).toEqual(expected.histogram!.counts);
    for (const [k, edge] of actual.histogram!.edges.entries()) {
      expect(Math.abs(edge - expected.histogram!.edges[k])).toBeLessThan(
        1e-14 * (expected.max! - expected.min!),
      );
    }
    expect(relativeError(actual.effective_rank, expected.effective_rank)).toBeLessThan(3e-5);
    expect(relativeError(actual.mean_abs_cosine, expected.mean_abs_cosine)).toBeLessThan(1e-7);
  });

  test('are the same from a block as from the whole tensor', async () => {
    await fc.assert(
      fc.asyncProperty(
        tiledTensors().map((tensor) => ({
          ...tensor,
          // Values of any magnitude whose square is not 0 in float64.
          block: tensor.block.map((value) => (Number.isFinite(value) && Math.abs(value) > 1e-30 ? value : 0)),
        })),
        async (tensor) => {
          const block = await tensorStatistics(tensor, products);
          const whole = await tensorStatistics(
            { ...tensor, blockShape: tensor.shape, block: expand(tensor) },
            products,
          );
          expect(block.histogram).toEqual(whole.histogram);
          for (const exact of ['count', 'zeros', 'min', 'max'] as const)
            expect(block[exact]).toBe(whole[exact]);
          for (const close of ['std', 'l2', 'mean_abs_cosine'] as const) {
            expect(relativeError(block[close], whole[close])).toBeLessThan(1e-6);
          }
          expect(relativeError(block.effective_rank, whole.effective_rank)).toBeLessThan(1e-4);
          // The result of a sum that cancels is compared relative to its terms.
          expect(Math.abs(block.mean! - whole.mean!)).toBeLessThanOrEqual(1e-14 * (block.l2! + 1e-30));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('of one dimension have neither a rank nor cosines', async () => {
    const actual = await tensorStatistics(tensorOf('bias', [5], [2]), products);
    expect(actual).toMatchObject({ count: 5, mean: 1.4, effective_rank: null, mean_abs_cosine: null });
  });

  test('of one row have a rank of 1 and no cosines', async () => {
    const actual = await tensorStatistics(tensorOf('pos', [1, 4]), products);
    expect(actual.effective_rank).toBeCloseTo(1, 12);
    expect(actual.mean_abs_cosine).toBeNull();
  });

  test('of zeros have no rank, cosines of 0, and one full bin in the middle', async () => {
    const actual = await tensorStatistics(
      tensorOf('w', [4, 4], [2, 2], () => 0),
      products,
    );
    expect(actual).toMatchObject({ zeros: 16, std: 0, l2: 0, effective_rank: null, mean_abs_cosine: 0 });
    expect(actual.histogram!.counts.map((count, bin) => count && bin).filter(Boolean)).toEqual([16]);
    expect(actual.histogram!.edges[0]).toBe(-0.5);
    expect(actual.histogram!.edges[32]).toBe(0.5);
  });

  test('count copies of a row as pairs of cosine 1, but not for a row of zeros', async () => {
    // The rows a, 0, a, 0, a: three pairs of ten are copies.
    const rows = tensorOf('w', [5, 3], [2, 3], (index) => (index < 3 ? index + 1 : 0));
    expect((await tensorStatistics(rows, products)).mean_abs_cosine).toBeCloseTo(0.3, 12);
  });

  test('are null if values are not finite, except for counts and the histogram of the finite values', async () => {
    const values = [1, Number.NaN, -2, 0, Number.POSITIVE_INFINITY, 2];
    const actual = await tensorStatistics(
      tensorOf('w', [2, 3], [2, 3], (k) => values[k]),
      products,
    );
    expect(actual).toMatchObject({
      count: 6,
      zeros: 1,
      mean: null,
      std: null,
      min: null,
      max: null,
      l2: null,
    });
    expect(actual).toMatchObject({ effective_rank: null, mean_abs_cosine: null });
    expect(actual.histogram!.counts.reduce((sum, count) => sum + count)).toBe(4);
    expect([actual.histogram!.edges[0], actual.histogram!.edges[32]]).toEqual([-2, 2]);

    const infinite = await tensorStatistics(
      tensorOf('w', [2], [1], () => Number.NEGATIVE_INFINITY),
      products,
    );
    expect(infinite).toMatchObject({ count: 2, min: null, histogram: null });
  });
});

describe('statistics of a tall matrix', () => {
  test('compare a sample of its rows if there are too many, and give its size', async () => {
    // Rows of two kinds, at an angle of 60 degrees: the mean |cosine| is 0.5·1 + 0.5·0.5.
    const tensor = tensorOf('tall', [300_000, 2], [300_000, 2], (k) => {
      const row = Math.floor(k / 2);
      const isFirst = (row * 2654435761) % 2 ** 32 < 2 ** 31;
      if (isFirst) return k % 2 === 0 ? 1 : 0;
      return k % 2 === 0 ? 0.5 : Math.sqrt(0.75);
    });
    const statistics = await tensorStatistics(tensor, products);
    expect(statistics.cosine_rows).toBe(2048);
    expect(Math.abs(statistics.mean_abs_cosine! - 0.75)).toBeLessThan(0.005);
    expect(statistics.effective_rank).toBeGreaterThan(1.5);
  });

  test('compare all of its rows otherwise', async () => {
    const { cosine_rows } = await tensorStatistics(tensorOf('low', [3000, 2], [3000, 2], Math.sin), products);
    expect(cosine_rows).toBeNull();
  });
});
