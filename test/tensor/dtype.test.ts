import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode, overflowsFloat16, rounded } from '../../src/tensor/dtype.js';

function roundTo16(value: number, dtype: 'F16' | 'BF16'): number {
  const [low, high] = encode(Float32Array.of(value), dtype);
  return low | (high << 8);
}

/** Returns the value of a 16-bit float, from the definition in IEEE 754. */
function decode(bits: number, fractionBits: number): number {
  const exponentBits = 15 - fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> fractionBits;
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1)
    return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

const TYPES = [
  { dtype: 'F16', fractionBits: 10, largest: 0x7bff },
  { dtype: 'BF16', fractionBits: 7, largest: 0x7f7f },
] as const;

describe.each(TYPES)('rounding to $dtype', ({ dtype, fractionBits, largest }) => {
  test('does not change its finite values and infinities', () => {
    const changed = [];
    for (let bits = 0; bits <= 0xffff; bits++) {
      const value = decode(bits, fractionBits);
      if (!Number.isNaN(value) && roundTo16(value, dtype) !== bits) changed.push(value);
    }
    expect(changed).toEqual([]);
  });

  test('returns the value that is read from the written bytes', () => {
    const wrong = [];
    for (let bits = 0; bits <= 0xffff; bits++) {
      const value = decode(bits, fractionBits);
      const [read] = rounded(Float32Array.of(value * (1 + 2 ** -14)), dtype);
      if (!Number.isNaN(value) && !Object.is(read, value)) wrong.push(value);
    }
    expect(wrong).toEqual([]);
  });

  test('goes to the nearest of two neighbours, and halfway between them to the even one', () => {
    const wrong: number[] = [];
    const check = (value: number, bits: number) => {
      if (roundTo16(value, dtype) !== bits) wrong.push(value);
    };
    const scratch = new Float32Array(1);
    const raw = new Uint32Array(scratch.buffer);
    for (let bits = 0; bits < largest; bits++) {
      // Exact, because float32 has more bits than either type, and BF16's smallest halves are float32's subnormals.
      scratch[0] = (decode(bits, fractionBits) + decode(bits + 1, fractionBits)) / 2;
      const middle = raw[0];
      const even = bits % 2 === 0 ? bits : bits + 1;
      check(scratch[0], even);
      check(-scratch[0], even | 0x8000);
      raw[0] = middle - 1;
      check(scratch[0], bits);
      raw[0] = middle + 1;
      check(scratch[0], bits + 1);
    }
    expect(wrong).toEqual([]);
  });

  test('deviates no more than any other of its values would', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const bits = roundTo16(value, dtype);
        const rounded = decode(bits, fractionBits);
        if (!Number.isFinite(rounded)) return;
        const error = Math.abs(rounded - value);
        for (const other of [bits - 1, bits + 1]) {
          const neighbour = decode(other & 0xffff, fractionBits);
          if (Number.isFinite(neighbour)) expect(error).toBeLessThanOrEqual(Math.abs(neighbour - value));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps every NaN a NaN, whatever its bits', () => {
    const scratch = new Float32Array(1);
    const raw = new Uint32Array(scratch.buffer);
    for (const fraction of [1, 0x7f, 0x1fff, 0x2000, 0xffff, 0x10000, 0x400000, 0x7fffff]) {
      for (const sign of [0, 0x80000000]) {
        raw[0] = (sign | 0x7f800000 | fraction) >>> 0;
        const [low, high] = encode(scratch, dtype);
        expect(decode(low | (high << 8), fractionBits)).toBeNaN();
      }
    }
  });

  test('makes values beyond the largest by half a step or more infinite', () => {
    const step = decode(largest, fractionBits) - decode(largest - 1, fractionBits);
    const limit = decode(largest, fractionBits) + step / 2;
    const infinity = largest + 1;
    expect(roundTo16(limit, dtype)).toBe(infinity);
    expect(roundTo16(-limit, dtype)).toBe(infinity | 0x8000);
    expect(roundTo16(3.4e38 * 1.0008, dtype)).toBe(infinity);
    expect(roundTo16(Number.POSITIVE_INFINITY, dtype)).toBe(infinity);
  });
});

describe('F32', () => {
  test('keeps the bytes', () => {
    const values = Float32Array.of(1, -0, Number.NaN, 1e-45, Number.NEGATIVE_INFINITY);
    expect(Buffer.from(encode(values, 'F32')).equals(Buffer.from(values.buffer))).toBe(true);
  });

  test('keeps the bytes also for a part of an array', () => {
    const values = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    expect([...new Float32Array(encode(values, 'F32').slice().buffer)]).toEqual([2, 3]);
  });
});

test.each([
  [1, 0x3c00, 0x3f80],
  [-2, 0xc000, 0xc000],
  [1 / 3, 0x3555, 0x3eab],
  [0.1, 0x2e66, 0x3dcd],
  [65504, 0x7bff, 0x4780],
  [65519.996, 0x7bff, 0x4780],
  [2 ** -14, 0x0400, 0x3880],
  [2 ** -24, 0x0001, 0x3380],
  [2 ** -25, 0x0000, 0x3300],
  [-0, 0x8000, 0x8000],
])('%d is known to have these bits', (value, float16, bfloat16) => {
  expect(roundTo16(value, 'F16')).toBe(float16);
  expect(roundTo16(value, 'BF16')).toBe(bfloat16);
});

test('a value overflows F16 exactly if it is finite and rounding gives an infinity', () => {
  fc.assert(
    fc.property(fc.oneof(fc.float(), fc.float({ min: 65_000, max: 66_000 })), (value) => {
      const isInfinite = (roundTo16(value, 'F16') & 0x7fff) === 0x7c00;
      expect(overflowsFloat16(value)).toBe(Number.isFinite(value) && isInfinite);
    }),
    { numRuns: 2000 },
  );
});
