import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomKey } from '../../src/random/key.js';
import { normals } from '../../src/random/normal.js';

const KEY = randomKey(0, 'layer1.0.conv1.weight', 'noise');

/** Computes erfc by its continued fraction or series: 1 - Φ(x) = erfc(x/√2)/2, exact to about 1e-14. */
function cumulative(x: number): number {
  const a = Math.abs(x);
  let upper: number;
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; Math.abs(term) > 1e-17; n++) {
      term *= (a * a) / (2 * n + 1);
      sum += term;
    }
    upper = 0.5 - (sum * Math.exp(-0.5 * a * a)) / Math.sqrt(2 * Math.PI);
  } else {
    let fraction = a;
    for (let n = 60; n > 0; n--) fraction = a + n / fraction;
    upper = Math.exp(-0.5 * a * a) / Math.sqrt(2 * Math.PI) / fraction;
  }
  return x > 0 ? 1 - upper : upper;
}

/** Returns √n times the largest distance between the sample's distribution and N(0,1)'s. */
function kolmogorovSmirnov(sample: Float32Array): number {
  const sorted = sample.slice().sort();
  const n = sorted.length;
  let largest = 0;
  for (let i = 0; i < n; i++) {
    const p = cumulative(sorted[i]);
    largest = Math.max(largest, p - i / n, (i + 1) / n - p);
  }
  return Math.sqrt(n) * largest;
}

/** Returns √n times the correlation, which is distributed as N(0,1) if the two are independent. */
function correlation(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum / Math.sqrt(a.length);
}

describe('normal numbers', () => {
  const n = 1_000_000;
  const sample = normals(KEY, 0, n);

  test('have the moments of N(0,1)', () => {
    const moment = (k: number) => sample.reduce((sum, x) => sum + x ** k, 0) / n;
    // Four standard deviations of each moment's estimate.
    expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    expect(Math.abs(moment(6) - 15)).toBeLessThan(4 * Math.sqrt(10170 / n));
  });

  test.each([0, 1, 2, 3])('pass a Kolmogorov-Smirnov test at 1 % (seed %i)', (seed) => {
    expect(kolmogorovSmirnov(normals(randomKey(seed, 'w', 'noise'), 0, 500_000))).toBeLessThan(1.63);
  });

  test('are as frequent in the tail as expected', () => {
    const many = normals(randomKey(5, 'w', 'noise'), 0, 4_000_000);
    for (const from of [3, 3.5, 3.6541528, 4, 4.5]) {
      for (const sign of [1, -1]) {
        const expected = many.length * cumulative(-from);
        const count = many.reduce((sum, x) => sum + (sign * x > from ? 1 : 0), 0);
        expect(Math.abs(count - expected)).toBeLessThan(4 * Math.sqrt(expected));
      }
    }
    expect(many.every((x) => Math.abs(x) < 7)).toBe(true);
  });

  test('fill 200 classes of equal probability equally', () => {
    const counts = new Float64Array(200);
    for (const x of sample) counts[Math.min(199, Math.floor(200 * cumulative(x)))]!++;
    const chiSquare = counts.reduce((sum, c) => sum + (c - n / 200) ** 2 / (n / 200), 0);
    expect(chiSquare).toBeLessThan(199 + 4 * Math.sqrt(2 * 199));
  });

  test('are not correlated with each other, nor are their squares', () => {
    const squares = sample.map((x) => (x * x - 1) / Math.SQRT2);
    for (const lag of [1, 2, 3, 4, 5, 8, 16, 576, 1024, 4096]) {
      expect(Math.abs(correlation(sample.subarray(0, n - lag), sample.subarray(lag)))).toBeLessThan(4);
      expect(Math.abs(correlation(squares.subarray(0, n - lag), squares.subarray(lag)))).toBeLessThan(4);
    }
  });

  test('are independent between seeds, tensors and purposes', () => {
    const keys = [
      randomKey(0, 'layer1.0.conv1.weight', 'noise'),
      randomKey(1, 'layer1.0.conv1.weight', 'noise'),
      randomKey(2 ** 32, 'layer1.0.conv1.weight', 'noise'),
      randomKey(0, 'layer1.0.conv2.weight', 'noise'),
      randomKey(0, 'layer1.0.conv1.weight', 'class token'),
    ];
    const samples = keys.map((key) => normals(key, 0, 200_000));
    for (const [i, a] of samples.entries()) {
      for (const b of samples.slice(i + 1)) {
        expect(Math.abs(correlation(a, b))).toBeLessThan(4);
        expect(a.filter((x, j) => x === b[j]).length).toBeLessThan(5);
      }
    }
  });

  test('depend only on their index, wherever a call begins', () => {
    fc.assert(
      fc.property(fc.nat(20_000), fc.nat(9_000), (offset, count) => {
        expect(normals(KEY, offset, count)).toEqual(sample.slice(offset, offset + count));
      }),
      { numRuns: 40 },
    );
  });

  test('continue past 2^32', () => {
    const far = normals(KEY, 2 ** 34 - 6, 12);
    expect(normals(KEY, 2 ** 34, 6)).toEqual(far.slice(6));
    expect(far.slice(6)).not.toEqual(sample.slice(0, 6));
    expect(normals(KEY, 2 ** 53 - 9, 8).every(Number.isFinite)).toBe(true);
  });

  test('have the same bytes on every machine and in every release', () => {
    expect(createHash('sha256').update(sample).digest('hex')).toBe(
      '29dda862d9e902b2e687495fb789c0c8c4e91a1ebb5db0a3c666b946bdd68c5e',
    );
  });
});
