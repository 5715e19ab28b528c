const number = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** 25,557,032 */
export const count = (value: number): string => number.format(value);
/** 25.6M */
export const shortCount = (value: number): string => compact.format(value);

/** 102 MB */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${unit === 0 ? scaled : scaled.toPrecision(3)} ${units[unit]}`;
}

/** 1.2 ms, 3.4 s */
export function duration(milliseconds: number): string {
  if (milliseconds < 1) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 1000) return `${milliseconds.toPrecision(3)} ms`;
  return `${(milliseconds / 1000).toPrecision(3)} s`;
}

/** 0.0331, 1.2e-5; a dash for what is not finite. */
export function value(number: number | null): string {
  if (number === null) return '–';
  if (number === 0) return '0';
  const size = Math.abs(number);
  return size >= 1e-3 && size < 1e5 ? Number(number.toPrecision(3)).toString() : number.toExponential(2);
}

export const shape = (extents: readonly number[]): string =>
  extents.length === 0 ? 'scalar' : extents.join(' × ');

export const date = (iso: string): string =>
  new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso));

/** GHNs' and predictions' ids, short enough to read. */
export const shortId = (id: string): string => id.slice(0, 8);
