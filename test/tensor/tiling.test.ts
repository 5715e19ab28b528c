import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DTYPES, encode } from '../../src/tensor/dtype.js';
import { tensorSource } from '../../src/tensor/tensor.js';
import { TensorBytes } from '../../src/tensor/tiling.js';
import { expand, storedSource, tensorOf, tiledTensors } from './arbitrary.js';

const range = (length: number) =>
  fc.tuple(fc.nat(length), fc.nat(length)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

describe('a tensor written out from its block', () => {
  test('has in every range and dtype the bytes of the tensor expanded entry by entry', () => {
    fc.assert(
      fc.property(
        tiledTensors().chain((tensor) =>
          fc.constantFrom(...DTYPES).chain((dtype) => {
            const expected = encode(expand(tensor), dtype);
            return fc.tuple(
              fc.constant({ tensor, dtype, expected }),
              fc.array(range(expected.byteLength), { minLength: 1, maxLength: 4 }),
              fc.nat(9),
            );
          }),
        ),
        ([{ tensor, dtype, expected }, ranges, at]) => {
          const bytes = new TensorBytes(tensorSource(tensor), dtype);
          expect(bytes.byteLength).toBe(expected.byteLength);
          for (const [start, end] of ranges) {
            const target = new Uint8Array(at + end - start + 3).fill(0xaa);
            expect(bytes.copy(start, end, target, at)).toBeUndefined();
            expect(target.subarray(at, at + end - start)).toEqual(expected.subarray(start, end));
            // Nothing else was written.
            expect(target.subarray(0, at).every((byte) => byte === 0xaa)).toBe(true);
            expect(target.subarray(at + end - start).every((byte) => byte === 0xaa)).toBe(true);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test('is the same if the block is read from elsewhere, also after it was released', async () => {
    await fc.assert(
      fc.asyncProperty(tiledTensors(), fc.constantFrom(...DTYPES), async (tensor, dtype) => {
        const bytes = new TensorBytes(storedSource(tensor), dtype);
        const expected = encode(expand(tensor), dtype);
        for (let turn = 0; turn < 2; turn++) {
          const target = new Uint8Array(expected.byteLength);
          await bytes.copy(0, target.byteLength, target, 0);
          expect(target).toEqual(expected);
          bytes.release();
        }
      }),
      { numRuns: 100 },
    );
  });

  test('reads a tiled block once until it is released, and only the requested parts of other tensors', async () => {
    const target = new Uint8Array(64);
    const tiled = storedSource(tensorOf('a', [40, 10], [4, 10]));
    const bytes = new TensorBytes(tiled, 'F32');
    for (const start of [0, 100, 1000]) await bytes.copy(start, start + 64, target, 0);
    expect(tiled.entriesRead()).toBe(40);

    const whole = storedSource(tensorOf('b', [40, 10]));
    await new TensorBytes(whole, 'F32').copy(101, 110, target, 0);
    expect(whole.entriesRead()).toBe(3);
  });

  test('has no bytes if a dimension is 0', () => {
    const bytes = new TensorBytes(tensorSource(tensorOf('empty', [0, 8])), 'BF16');
    expect(bytes.byteLength).toBe(0);
    expect(bytes.copy(0, 0, new Uint8Array(0), 0)).toBeUndefined();
  });
});
