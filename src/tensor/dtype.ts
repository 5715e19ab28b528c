/** The element types of weights, by their names in safetensors. */
export const DTYPES = ['F32', 'F16', 'BF16'] as const;

export type Dtype = (typeof DTYPES)[number];

export const BYTES_PER_ELEMENT: Readonly<Record<Dtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Encodes values as little-endian bytes, rounded to nearest even. Values too large for the type become ±Inf. */
export function encode(values: Float32Array, dtype: Dtype): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const rounded = new Uint16Array(values.length);
  const round = dtype === 'F16' ? float16Bits : bfloat16Bits;
  for (let k = 0; k < rounded.length; k++) rounded[k] = round(bits[k]);
  return new Uint8Array(rounded.buffer);
}

const EXPONENT_AND_FRACTION = 0x7fffffff;
const INFINITY = 0x7f800000;

function bfloat16Bits(bits: number): number {
  // A NaN keeps its upper half, with the quiet bit set. Without that bit, the fraction could become 0, which would be
  // Infinity.
  if ((bits & EXPONENT_AND_FRACTION) > INFINITY) return (bits >>> 16) | 0x40;
  const half = 0x7fff + ((bits >>> 16) & 1);
  return ((bits + half) >>> 16) & 0xffff;
}

/** 2^-14, the smallest normal number of F16, and 65520, the midpoint between its largest number and the next. */
const MIN_NORMAL_F16 = 0x38800000;
const OVERFLOW_F16 = 0x477ff000;

function float16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & EXPONENT_AND_FRACTION;
  if (magnitude > INFINITY) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff);
  if (magnitude >= OVERFLOW_F16) return sign | 0x7c00;
  if (magnitude >= MIN_NORMAL_F16) {
    const half = 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((magnitude - ((127 - 15) << 23) + half) >>> 13);
  }
  // Subnormal: in units of 2^-24, rounded to nearest even.
  const exponent = magnitude >>> 23;
  const shift = 126 - exponent;
  if (shift > 24) return sign;
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const kept = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (rest > half || (rest === half && kept & 1) ? kept + 1 : kept);
}

/** Returns true if a finite value leaves F16's range when it is rounded. */
export function overflowsFloat16(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) >= 65520;
}

/** Returns the values as they are after writing them in that type and reading them again; for F32, the same array. */
export function rounded(values: Float32Array, dtype: Dtype): Float32Array {
  if (dtype === 'F32') return values;
  const encoded = encode(values, dtype);
  const bits = new Uint16Array(encoded.buffer, encoded.byteOffset, values.length);
  if (dtype === 'F16') return Float32Array.from(bits, float16Value);
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
}

function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
