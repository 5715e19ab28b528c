import { z } from 'zod';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** JavaScript's Number('  ') is 0, and 0 means "no limit" for several settings. */
const notBlank = z.string().regex(/\S/, 'is blank: give a number, or leave it out');

/** A whole number from `minimum` to `maximum`. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  return notBlank.transform((value, context) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      context.addIssue(
        `${JSON.stringify(value)} is not a whole number: write one such as ${Math.max(minimum, 1)}`,
      );
    } else if (number < minimum || number > maximum) {
      const range =
        maximum === Number.MAX_SAFE_INTEGER ? `${minimum} or more` : `from ${minimum} to ${maximum}`;
      context.addIssue(`is ${range}, not ${number}`);
    }
    return number;
  });
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: MIB,
  GiB: GIB,
  TiB: 2 ** 40,
};

/** A number of bytes, with or without a unit: 500000000, 500MB, 20GiB. */
export function byteCount(minimum: number) {
  return notBlank.transform((value, context) => {
    const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/.exec(value.trim()) ?? [];
    const scale = Object.entries(UNITS).find(([name]) => name.toLowerCase() === unit.toLowerCase())?.[1];
    const bytes = number === '' || scale === undefined ? Number.NaN : Math.round(Number(number) * scale);
    if (!Number.isSafeInteger(bytes)) {
      context.addIssue(`${JSON.stringify(value)} is not a number of bytes: write 20000000000, 20GB or 20GiB`);
    } else if (bytes < minimum) {
      context.addIssue(
        `is at least ${minimum} bytes: write a number of bytes, or one with a unit such as 20GiB`,
      );
    }
    return bytes;
  });
}

/** A comma-separated list. Blanks around entries, and empty entries, are removed. */
export const list = z
  .string()
  .transform((value) => value.split(',').map((entry) => entry.trim()))
  .transform((entries) => entries.filter((entry) => entry !== ''));
