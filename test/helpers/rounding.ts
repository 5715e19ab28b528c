/** Returns the value of a half-precision number (IEEE 754-2019, binary16). */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Returns the float32 with these bits as its upper half. */
function bfloat16(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits << 16);
  return view.getFloat32(0);
}

const VALUES = { F16: float16, BF16: bfloat16 };

/**
 * Returns true if `bits` is the number of its type nearest to a finite value, or the even one of two equally near. It
 * compares the neighbours and does not round.
 */
export function isRounded(value: number, bits: number, dtype: 'F16' | 'BF16'): boolean {
  const of = VALUES[dtype];
  const found = of(bits);
  if (!Number.isFinite(found) || Math.sign(found) * Math.sign(value) < 0) return false;
  const error = Math.abs(found - value);
  return [bits - 1, bits + 1].every((neighbour) => {
    const other = of(neighbour & 0xffff);
    if (!Number.isFinite(other) || ((bits ^ neighbour) & 0x8000) !== 0) return true;
    const otherError = Math.abs(other - value);
    return error < otherError || (error === otherError && bits % 2 === 0);
  });
}
