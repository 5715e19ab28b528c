import { describe, expect, it } from 'vitest';
import { float32SumRange } from '../../src/verify/float32-sum.js';

/** The block of a tensor that repeats it: 0.02·sin(k). */
const BLOCK = Float32Array.from({ length: 4096 }, (_, k) => 0.02 * Math.sin(k));

/**
 * Relative errors of the norm that torch 1.13 computes for that tensor on a CPU: torch.from_numpy(numpy.tile(block,
 * repeats)).norm(), compared with the same in double.
 */
const IN_PYTORCH = [
  { repeats: 1024, difference: -1.1406e-4 },
  { repeats: 4096, difference: -4.9102e-4 },
  { repeats: 16384, difference: -6.3951e-3 },
];

const normRange = (block: Float32Array, count: number) => {
  const { least, most } = float32SumRange(block, count);
  return [Math.sqrt(least) - 1, Math.sqrt(most) - 1] as const;
};

describe('the range of a norm that PyTorch sums in float32', () => {
  it.each(IN_PYTORCH)('ends at PyTorch’s result for 4096 × $repeats numbers', ({ repeats, difference }) => {
    const [least, most] = normRange(BLOCK, BLOCK.length * repeats);
    expect(least / difference).toBeCloseTo(1, 2);
    expect(most).toBeCloseTo(0, 4);
  });

  it('contains only the exact norm if a tensor is small', () => {
    expect(float32SumRange(BLOCK, BLOCK.length)).toEqual({ least: 1, most: 1 });
  });

  it('is wider for larger tensors', () => {
    const least = [22, 23, 24, 25, 26].map((exponent) => float32SumRange(BLOCK, 2 ** exponent).least);
    expect(least).toEqual(least.toSorted((a, b) => b - a));
    expect(least.at(-1)).toBeLessThan(0.99);
  });

  it.each([
    ['zeros', 0],
    ['infinities', Number.POSITIVE_INFINITY],
    ['no numbers', Number.NaN],
  ])('of %s is nothing', (_, value) => {
    expect(float32SumRange(new Float32Array(64).fill(value), 2 ** 26)).toEqual({ least: 1, most: 1 });
  });
});
