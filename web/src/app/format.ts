const number = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** Formats a count, such as 25,557,032. */
export const count = (value: number): string => number.format(value);
/** Formats a count in short, such as 25.6M. */
export const shortCount = (value: number): string => compact.format(value);

/** Formats a number of bytes, such as 102 MB. */
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

/** Formats a duration, such as 1.2 ms or 3.4 s. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 1000) return `${milliseconds.toPrecision(3)} ms`;
  return `${(milliseconds / 1000).toPrecision(3)} s`;
}

/** Formats a value, such as 0.0331 or 1.2e-5; a dash if it is not finite. */
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

/** Shortens the id of a GHN or a prediction. */
export const shortId = (id: string): string => id.slice(0, 8);
