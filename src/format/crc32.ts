import { crc32 } from 'node:zlib';
import { BYTES_PER_ELEMENT, type Dtype, encode } from '../tensor/dtype.js';
import { elements, isTiled, type TensorSource } from '../tensor/tensor.js';
import { mergeAxes } from '../tensor/tiling.js';

/** A checksum and the number of bytes that it covers. */
interface Checksum {
  readonly crc: number;
  readonly length: number;
}

const EMPTY: Checksum = { crc: 0, length: 0 };

/** Number of entries that are read at once from a tensor without tiling. */
const PIECE = 2 ** 18;

/**
 * Returns the CRC-32 of a tensor's bytes after other bytes with checksum `before`. It is computed from the block,
 * without expanding repeated parts.
 */
export async function tensorCrc32(tensor: TensorSource, dtype: Dtype, before: number): Promise<number> {
  if (isTiled(tensor)) {
    const block = encode(await tensor.readBlock(0, elements(tensor.blockShape)), dtype);
    return concatenate({ crc: before, length: 0 }, tiledChecksum(tensor, dtype, block)).crc;
  }
  const length = elements(tensor.blockShape);
  let crc = before;
  for (let start = 0; start < length; start += PIECE) {
    crc = crc32(encode(await tensor.readBlock(start, Math.min(start + PIECE, length)), dtype), crc);
  }
  return crc;
}

function tiledChecksum(tensor: TensorSource, dtype: Dtype, block: Uint8Array): Checksum {
  const axes = mergeAxes(tensor);
  const strides = axes.map((_, level) =>
    axes.slice(level + 1).reduce((bytes, { period }) => bytes * period, BYTES_PER_ELEMENT[dtype]),
  );
  const along = (level: number, base: number): Checksum => {
    const { size, period } = axes[level];
    const stride = strides[level];
    const part = (start: number, end: number): Checksum => {
      if (level === axes.length - 1) {
        const bytes = block.subarray(base + start * stride, base + end * stride);
        return { crc: crc32(bytes), length: bytes.byteLength };
      }
      let sum = EMPTY;
      for (let entry = start; entry < end; entry++) {
        sum = concatenate(sum, along(level + 1, base + entry * stride));
      }
      return sum;
    };
    const cut = size % period;
    const beginning = part(0, cut);
    const whole = concatenate(beginning, part(cut, period));
    return concatenate(repeat(whole, Math.floor(size / period)), beginning);
  };
  return along(0, 0);
}

function repeat(checksum: Checksum, times: number): Checksum {
  let result = EMPTY;
  let power = checksum;
  for (let left = times; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = concatenate(result, power);
    power = concatenate(power, power);
  }
  return result;
}

/**
 * Returns the checksum of two byte strings in sequence (zlib's crc32_combine). A CRC is linear: the first checksum is
 * multiplied by x^(8·length of the second) modulo the polynomial, as if that many zero bytes followed, and the second
 * is added.
 */
function concatenate(first: Checksum, second: Checksum): Checksum {
  return {
    crc: (multiply(first.crc, powerOfX(8 * second.length)) ^ second.crc) >>> 0,
    length: first.length + second.length,
  };
}

/** CRC-32's polynomial. In this and all polynomials here, the highest bit is the coefficient of x^0. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;
const X = 0x40000000;

/** Returns the product of two polynomials modulo CRC-32's. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= b;
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
  return product >>> 0;
}

/** x to the power 2^k modulo the polynomial, for k up to 55, enough for 2^52 bytes. */
const SQUARES = squares(56);

function squares(count: number): Uint32Array {
  const powers = new Uint32Array(count);
  powers[0] = X;
  for (let k = 1; k < count; k++) powers[k] = multiply(powers[k - 1], powers[k - 1]);
  return powers;
}

function powerOfX(exponent: number): number {
  let power = ONE;
  for (let k = 0, left = exponent; left > 0; k++, left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(SQUARES[k], power);
  }
  return power;
}
