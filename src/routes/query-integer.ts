import { z } from 'zod';

const INTEGER = /^-?\d+$/;

/**
 * An integer in a query, as digits: JavaScript takes an empty text for 0 as well, and a job whose RANK is not set would get
 * another's part.
 */
export function queryInteger(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  return z.preprocess(
    (text) => (typeof text === 'string' && INTEGER.test(text) ? Number(text) : text),
    z.int().min(minimum).max(maximum),
  );
}
