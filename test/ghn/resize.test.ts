import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resizeBilinear } from '../../src/ghn/decoder/resize.js';

const rounded = (values: Float32Array) => Array.from(values, (value) => Math.round(value * 1e5) / 1e5);

describe('resizing', () => {
  it('gives the same as PyTorch’s interpolate with half-pixel centres', () => {
    // torch.nn.functional.interpolate(x, size, mode='bilinear', align_corners=False)
    const line = Float32Array.of(0, 1, 2);
    expect(rounded(resizeBilinear(line, [1, 3], [1, 5]))).toEqual([0, 0.4, 1, 1.6, 2]);
    const square = Float32Array.of(1, 2, 3, 4);
    expect(rounded(resizeBilinear(square, [2, 2], [3, 4]))).toEqual([
      1, 1.25, 1.75, 2, 2, 2.25, 2.75, 3, 3, 3.25, 3.75, 4,
    ]);
  });

  it('does not change an axis that keeps its size', () => {
    const planes = Float32Array.from({ length: 2 * 3 * 4 }, (_, k) => Math.sin(k));
    expect(resizeBilinear(planes, [3, 4], [3, 4])).toEqual(planes);
    const taller = resizeBilinear(planes, [3, 4], [9, 4]);
    for (let column = 0; column < 4; column++) {
      expect(taller[4 * 4 + column]).toBe(planes[4 + column]);
    }
  });

  it('stays within the values of each plane, and keeps constants', () => {
    const size = fc.integer({ min: 1, max: 5 });
    const larger = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(
        size,
        size,
        larger,
        larger,
        fc.float({ noNaN: true, min: -9, max: 9 }),
        (h, w, kh, kw, c) => {
          const low = Float32Array.from({ length: h * w }, (_, k) => Math.cos(k));
          const constant = new Float32Array(h * w).fill(c);
          const both = Float32Array.from([...low, ...constant]);
          const resized = resizeBilinear(both, [h, w], [kh, kw]);
          const [first, second] = [resized.subarray(0, kh * kw), resized.subarray(kh * kw)];
          expect(Math.min(...first)).toBeGreaterThanOrEqual(Math.min(...low) - 1e-6);
          expect(Math.max(...first)).toBeLessThanOrEqual(Math.max(...low) + 1e-6);
          for (const value of second) expect(value).toBeCloseTo(c, 5);
        },
      ),
    );
  });
});
