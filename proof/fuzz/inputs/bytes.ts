import fc from 'fast-check';

type Change = (bytes: Buffer) => Buffer;

/** A position in a file: anywhere, or near its beginning or end, where its structure is. */
const place = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }).map((part) => (size: number) => Math.floor(part * (size - 1))),
  fc.nat(2000).map((offset) => (size: number) => Math.min(offset, size - 1)),
  fc.nat(2000).map((offset) => (size: number) => Math.max(0, size - 1 - offset)),
);

/** Lengths, counts and offsets that often cause faults. */
const interesting = fc.oneof(
  fc.constantFrom(
    ...[
      0n,
      1n,
      2n ** 7n,
      2n ** 8n - 1n,
      2n ** 15n,
      2n ** 16n - 1n,
      2n ** 31n - 1n,
      2n ** 31n,
      2n ** 32n - 1n,
    ],
    ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n],
  ),
  fc.bigInt({ min: 0n, max: 5000n }),
);

/** A change to a file: of a byte, a cut, a repeated part, an overwritten part, or a field of 1 to 8 bytes. */
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ at: place, byte: fc.nat(255) }).map(({ at, byte }) => (file: Buffer) => {
    const changed = Buffer.from(file);
    changed[at(file.length)] = byte;
    return changed;
  }),
  place.map((at) => (file: Buffer) => file.subarray(0, at(file.length))),
  fc.record({ from: place, to: place, length: fc.nat(300) }).map(({ from, to, length }) => (file: Buffer) => {
    const start = from(file.length);
    const splice = file.subarray(start, start + length);
    return Buffer.concat([file.subarray(0, to(file.length)), splice, file.subarray(to(file.length))]);
  }),
  fc.record({ at: place, bytes: fc.uint8Array({ maxLength: 12 }) }).map(({ at, bytes }) => (file: Buffer) => {
    const start = at(file.length);
    return Buffer.concat([file.subarray(0, start), bytes, file.subarray(start + bytes.length)]);
  }),
  fc
    .record({ at: place, width: fc.constantFrom(1, 2, 4, 8), value: interesting, isBig: fc.boolean() })
    .map(({ at, width, value, isBig }) => (file: Buffer) => {
      const field = Buffer.alloc(8);
      field.writeBigUInt64LE(BigInt.asUintN(width * 8, value));
      const bytes = field.subarray(0, width);
      if (isBig) bytes.reverse();
      const start = at(file.length);
      return Buffer.concat([file.subarray(0, start), bytes, file.subarray(start + width)]);
    }),
);

/** One to three changes. */
export const changes: fc.Arbitrary<Change> = fc
  .array(change, { minLength: 1, maxLength: 3 })
  .map(
    (all) => (file: Buffer) => all.reduce<Buffer>((bytes, one) => (bytes.length ? one(bytes) : bytes), file),
  );

/** Returns samples with changes, and rarely unchanged. */
export function changed(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc.oneof(
    {
      weight: 30,
      arbitrary: fc.tuple(fc.constantFrom(...samples), changes).map(([sample, apply]) => apply(sample)),
    },
    { weight: 1, arbitrary: fc.constantFrom(...samples) },
  );
}
