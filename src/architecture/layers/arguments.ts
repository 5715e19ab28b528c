import { z } from 'zod';

/** A positive integer, as sizes and counts are. */
export const positive = z.int('must be a positive integer').min(1, 'must be a positive integer');
const natural = z.int('must be an integer of 0 or more').min(0, 'must be an integer of 0 or more');
export const flag = z.boolean();
export const number = z.number();

/** One value for both axes, or [height, width]. */
function both<Item extends z.ZodType>(item: Item, what: string) {
  return z.union([item, z.tuple([item, item])], `must be ${what}, or two, [height, width]`);
}

export const positivePair = both(positive, 'a positive integer');
export const naturalPair = both(natural, 'an integer of 0 or more');

export type Pair<T> = readonly [height: T, width: T];

export function pair<T>(value: T | readonly [T, T]): Pair<T> {
  return isPair(value) ? value : [value, value];
}

function isPair<T>(value: T | readonly [T, T]): value is readonly [T, T] {
  return Array.isArray(value);
}
