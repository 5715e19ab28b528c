import { CheckpointError } from './error.js';
import type { ByteReader } from './source.js';

/** The types of weights that can be read, with their size in bytes. They are converted to float32. */
const FLOAT_BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;

export type FloatType = keyof typeof FLOAT_BYTES;

/** A number type as a format gives it. Only floats are ever read. */
export interface NumberType {
  /** Its name in messages. */
  readonly name: string;
  readonly bytes: number;
  /** Null if numbers of this type cannot be weights. */
  readonly float: FloatType | null;
}

/** Size of the buffer for converting numbers to float32. */
const CONVERSION_BYTES = 2 ** 20;

/** Allocates memory for weights. Throws a CheckpointError if there is not enough. */
export function allocateFloats(count: number): Float32Array {
  try {
    return new Float32Array(count);
  } catch {
    throw new CheckpointError(
      `needs ${count * 4} bytes of memory for one tensor, which are not available; give the process more memory`,
    );
  }
}

/** Reads little-endian numbers of a type as float32. Its buffer takes at most CONVERSION_BYTES. */
export async function readFloats(reader: ByteReader, type: FloatType, target: Float32Array): Promise<void> {
  if (type === 'F32') {
    await reader.into(new Uint8Array(target.buffer, target.byteOffset, target.byteLength));
    return;
  }
  const bytes = FLOAT_BYTES[type];
  const buffer = new Uint8Array(Math.min(CONVERSION_BYTES, target.length * bytes));
  const convert = CONVERSIONS[type](buffer);
  for (let done = 0; done < target.length; ) {
    const count = Math.min(buffer.length / bytes, target.length - done);
    await reader.into(buffer.subarray(0, count * bytes));
    convert(target.subarray(done, done + count));
    done += count;
  }
}

/** The exponent bits of a float32. They are all set in NaN and infinity, and in no other number. */
const EXPONENT = 0x7f80_0000;
const LOWEST_EXPONENT_BIT = 0x0080_0000;

/** The number of values that are checked before the loop can end early. */
const CHECKED_AT_ONCE = 2 ** 14;

/** Returns true if none of the numbers is NaN or infinite. */
export function areFinite(data: Float32Array): boolean {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  for (let start = 0; start < bits.length; start += CHECKED_AT_ONCE) {
    if (overflows(bits, start, Math.min(bits.length, start + CHECKED_AT_ONCE))) return false;
  }
  return true;
}

/**
 * Returns true if any exponent has all bits set, in which case adding one carries into the sign bit. The loop has no
 * branches, which is faster.
 */
function overflows(bits: Int32Array, start: number, end: number): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  let i = start;
  for (; i + 4 <= end; i += 4) {
    a |= (bits[i] & EXPONENT) + LOWEST_EXPONENT_BIT;
    b |= (bits[i + 1] & EXPONENT) + LOWEST_EXPONENT_BIT;
    c |= (bits[i + 2] & EXPONENT) + LOWEST_EXPONENT_BIT;
    d |= (bits[i + 3] & EXPONENT) + LOWEST_EXPONENT_BIT;
  }
  for (; i < end; i++) a |= (bits[i] & EXPONENT) + LOWEST_EXPONENT_BIT;
  return (a | b | c | d) < 0;
}

type Conversion = (buffer: Uint8Array) => (target: Float32Array) => void;

const CONVERSIONS: Record<Exclude<FloatType, 'F32'>, Conversion> = {
  F64: ({ buffer }) => {
    const doubles = new Float64Array(buffer);
    return (target) => target.set(doubles.subarray(0, target.length));
  },
  F16: ({ buffer }) => {
    const halves = new Uint16Array(buffer);
    return (target) => {
      for (let i = 0; i < target.length; i++) target[i] = fromHalf(halves[i]);
    };
  },
  BF16: ({ buffer }) => {
    const upper = new Uint16Array(buffer);
    return (target) => {
      const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
      for (let i = 0; i < bits.length; i++) bits[i] = upper[i] << 16;
    };
  },
};

/** Converts an IEEE 754 binary16 to a number. */
function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
