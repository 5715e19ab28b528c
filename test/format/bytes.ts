import fc from 'fast-check';
import type { ByteSource } from '../../src/format/layout.js';

export async function read(source: ByteSource, start = 0, end = source.byteLength): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  await source.copy(start, end, bytes, 0);
  return bytes;
}

/** Ranges for data of any length, given as fractions of the length. */
export const ranges = fc.array(
  fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
  {
    minLength: 1,
    maxLength: 5,
  },
);

export function within(length: number, [a, b]: readonly [number, number]): [number, number] {
  return [Math.floor(Math.min(a, b) * length), Math.floor(Math.max(a, b) * length)];
}
