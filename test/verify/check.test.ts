import { describe, expect, it } from 'vitest';
import { checkNorm } from '../../src/verify/check.js';
import type { NetworkNorm } from '../../src/verify/network-norm.js';

const found = (parts: Partial<NetworkNorm> = {}): NetworkNorm => ({
  norm: 100,
  deviation: 0,
  float32: { least: 100, most: 100 },
  ...parts,
});

const holds = (norm: NetworkNorm, expected: number, relativeTolerance: number | null = null) =>
  checkNorm(norm, expected, 'float32', relativeTolerance).holds;

describe('a published norm', () => {
  it('holds within 0.002', () => {
    expect([99.9981, 100, 100.0019].map((expected) => holds(found(), expected))).toEqual([true, true, true]);
    expect([99.9979, 100.0021].map((expected) => holds(found(), expected))).toEqual([false, false]);
  });

  it('holds within five deviations of random values in addition', () => {
    const drawn = found({ deviation: 0.1 });
    expect([99.499, 100.501].map((expected) => holds(drawn, expected))).toEqual([true, true]);
    expect([99.497, 100.503].map((expected) => holds(drawn, expected))).toEqual([false, false]);
  });

  it('may lack the part that a float32 sum loses, but may not exceed it', () => {
    const large = found({ float32: { least: 99, most: 100 } });
    expect([99, 99.5, 100].map((expected) => holds(large, expected))).toEqual([true, true, true]);
    expect([98.997, 100.003].map((expected) => holds(large, expected))).toEqual([false, false]);
  });

  it('holds within the tolerance in the arguments', () => {
    expect(holds(found(), 101, 0.011)).toBe(true);
    expect(holds(found(), 100.001, 1e-6)).toBe(false);
  });

  it('does not hold for what is not finite', () => {
    const nan = { norm: Number.NaN, deviation: Number.NaN, float32: { least: Number.NaN, most: Number.NaN } };
    expect(holds(nan, 100, 1)).toBe(false);
  });

  it('comes with the difference and the allowed differences, relative to it', () => {
    const norm = found({ float32: { least: 90, most: 100 } });
    const { difference, allowed } = checkNorm(norm, 80, 'float32', 0);
    expect(difference).toBeCloseTo(0.25, 12);
    expect(allowed[0]).toBeCloseTo(0, 12);
    expect(allowed[1]).toBeCloseTo(0.125, 12);
  });
});

describe('a norm that the command itself wrote', () => {
  it('holds to 2e-7, whatever is random and whatever float32 would lose', () => {
    const norm = found({ deviation: 1, float32: { least: 90, most: 100 } });
    const verdict = (expected: number) => checkNorm(norm, expected, 'float64', null).holds;
    expect([100, 100 * (1 + 1e-7), 100 * (1 - 1e-7)].map(verdict)).toEqual([true, true, true]);
    expect([100 * (1 + 3e-7), 100 * (1 - 3e-7), 95].map(verdict)).toEqual([false, false, false]);
  });
});
