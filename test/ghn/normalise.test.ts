import { describe, expect, it } from 'vitest';
import { normalise } from '../../src/ghn/normalise.js';

const normalised = (values: number[], shape: readonly number[], role: 'weight' | 'bias' = 'weight') => {
  const block = Float32Array.from(values);
  normalise(block, shape, role);
  return [...block];
};

/** Returns β: the squared result for a value of 1, multiplied by fan-in. */
const beta = (shape: readonly number[]) => {
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
  return Number((normalised([1], shape)[0] ** 2 * fanIn).toFixed(4));
};

describe('normalising', () => {
  it('squashes gains around 1 and biases around 0', () => {
    const [low, middle, high] = normalised([-40, 0, 40], [3]);
    expect(middle).toBe(1);
    expect(low).toBeCloseTo(0, 6);
    expect(high).toBeCloseTo(2, 6);
    expect(normalised([1], [3])[0]).toBeCloseTo(2 / (1 + Math.exp(-0.5)), 6);
    expect(normalised([0, 5, -5], [3], 'bias')).toEqual(
      [0, Math.tanh(1), Math.tanh(-1)].map((value) => Math.fround(value)),
    );
  });

  it('scales weights by their fan-in, for a ReLU after them', () => {
    expect(beta([10, 16])).toBe(2);
    expect(beta([64, 3, 7, 7])).toBe(2);
    expect(beta([64, 3, 7, 1])).toBe(2);
    expect(normalised([3], [10, 18])[0]).toBeCloseTo(1, 6);
  });

  it('scales depthwise and wide kernels without it', () => {
    expect(beta([64, 1, 3, 3])).toBe(1);
    expect(beta([64, 3, 1, 7])).toBe(1);
    expect(beta([10, 1])).toBe(2);
  });

  it('does not change long position embeddings', () => {
    expect(normalised([0.3], [1, 64, 14, 14])).toEqual([Math.fround(0.3)]);
    expect(normalised([0.3], [1, 197, 768])).toEqual([Math.fround(0.3)]);
    expect(normalised([0.3], [1, 197, 11])).toEqual([Math.fround(0.3)]);
    expect(beta([1, 64, 10, 10])).toBe(2);
    expect(beta([1, 17, 8])).toBe(2);
    expect(beta([1, 17, 10])).toBe(2);
  });
});
