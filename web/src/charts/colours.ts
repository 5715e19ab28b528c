const NEGATIVE = [38, 96, 200] as const;
const POSITIVE = [206, 66, 47] as const;
const LIGHT_ZERO = [248, 248, 246] as const;
const DARK_ZERO = [24, 26, 32] as const;

/**
 * Returns a colour for a value from -1 to 1 (limited to that range), as a pixel of ImageData: alpha, blue, green, red.
 * NaN is magenta.
 */
export function divergingColour(value: number, isDark: boolean): number {
  if (Number.isNaN(value)) return 0xffff00ff;
  const zero = isDark ? DARK_ZERO : LIGHT_ZERO;
  const end = value < 0 ? NEGATIVE : POSITIVE;
  // Uses a square root, so that the many small weights can be distinguished.
  const share = Math.sqrt(Math.min(1, Math.abs(value)));
  const channel = (k: number) => Math.round(zero[k] + (end[k] - zero[k]) * share);
  return ((255 << 24) | (channel(2) << 16) | (channel(1) << 8) | channel(0)) >>> 0;
}
