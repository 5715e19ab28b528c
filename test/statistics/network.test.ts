import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { networkStatistics, tensorMoments } from '../../src/statistics/network.js';
import { tensorSource } from '../../src/tensor/tensor.js';
import { storedSource, tensorOf } from '../tensor/arbitrary.js';
import { numpyCases, relativeError } from './numpy.js';

const moments = (values: readonly number[]) =>
  tensorMoments(tensorSource(tensorOf('w', [values.length], [values.length], (k) => values[k])));

describe('moments', () => {
  test.each(numpyCases())('of a tensor equal numpy’s: $title', async ({ tensor, expected }) => {
    const actual = await tensorMoments(storedSource(tensor));
    for (const moment of ['count', 'mean', 'std', 'min', 'max', 'l2', 'zeros'] as const) {
      expect(relativeError(actual[moment], expected[moment])).toBeLessThan(1e-10);
    }
  });

  test('of a network are those of all its entries together', async () => {
    const cases = numpyCases().slice(0, 20);
    const whole = await networkStatistics(cases.map(({ tensor }) => storedSource(tensor)));
    const count = cases.reduce((sum, { expected }) => sum + expected.count, 0);
    const mean = cases.reduce((sum, { expected }) => sum + expected.count * expected.mean!, 0) / count;
    const square = cases.reduce((sum, { expected }) => sum + expected.l2! ** 2, 0);
    expect(whole.count).toBe(count);
    expect(relativeError(whole.mean, mean)).toBeLessThan(1e-10);
    expect(relativeError(whole.l2, Math.sqrt(square))).toBeLessThan(1e-10);
    expect(relativeError(whole.std, Math.sqrt(square / count - mean ** 2))).toBeLessThan(1e-10);
    expect(whole.min).toBe(Math.min(...cases.map(({ expected }) => expected.min!)));
    expect(whole.max).toBe(Math.max(...cases.map(({ expected }) => expected.max!)));
  });

  test('have a mean that is off only by rounding if values cancel', async () => {
    // Integers, so that BigInt gives the exact sum. The second half subtracts almost everything that the first half
    // adds.
    const half = Array.from(
      { length: 500_000 },
      (_, k) => Math.round(Math.sin(k) * 2 ** 24) * 2 ** (24 + (k % 40)),
    );
    const values = [...half, ...half.map((value, k) => Math.fround(-value * (1 + (k % 3) * 2 ** -23)))];
    const sum = values.reduce((total, value) => total + BigInt(value), 0n);
    const magnitude = values.reduce((total, value) => total + Math.abs(value), 0);
    const error = Number(sum) / values.length - (await moments(values)).mean!;
    expect(Math.abs(Number(sum))).toBeLessThan(1e-6 * magnitude);
    expect(Math.abs(error)).toBeLessThan((2 ** -52 * magnitude) / values.length);
  });

  test('include a small deviation about a large mean', async () => {
    const step = 2 ** -7;
    const values = Array.from({ length: 100_000 }, (_, k) => 100_000 + (k % 2 === 0 ? step : -step));
    expect(relativeError((await moments(values)).std, step)).toBeLessThan(1e-9);
    const network = await networkStatistics(
      [100_000 + step, 100_000 - step].map((value) =>
        tensorSource(tensorOf('b', [50_000], [1], () => value)),
      ),
    );
    expect(relativeError(network.std, step)).toBeLessThan(1e-9);
  });

  test('of the smallest and the largest numbers are in range', async () => {
    expect((await moments([1e-45, -1e-45])).l2).toBeCloseTo(Math.SQRT2 * 2 ** -149, 55);
    const huge = Math.fround(3.4e38);
    expect(relativeError((await moments([huge, huge])).l2, Math.SQRT2 * huge)).toBeLessThan(1e-15);
  });

  test('of nothing are 0 or null', async () => {
    expect(await networkStatistics([])).toEqual({
      count: 0,
      mean: null,
      std: null,
      min: null,
      max: null,
      l2: 0,
      zeros: 0,
    });
  });

  test('are null exactly if numpy’s are not finite', async () => {
    const special = fc.constantFrom(
      0,
      1,
      -2.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    );
    const finite = (value: number) => (Number.isFinite(value) ? value : null);
    await fc.assert(
      fc.asyncProperty(fc.array(special, { minLength: 1, maxLength: 12 }), async (values) => {
        const actual = await moments(values);
        expect(actual.min).toBe(finite(Math.min(...values)));
        expect(actual.max).toBe(finite(Math.max(...values)));
        expect(actual.mean === null).toBe(!values.every(Number.isFinite));
        expect(actual.std === null).toBe(actual.mean === null);
        expect(actual.l2 === null).toBe(actual.mean === null);
        expect(actual.zeros).toBe(values.filter((value) => value === 0).length);
      }),
      { numRuns: 300 },
    );
  });
});
