import { z } from 'zod';

const INTEGER = /^-?\d+$/;

/**
 * Parses an integer in a query, which must consist of digits. JavaScript's Number would accept an empty text as 0, and
 * a job whose RANK is not set would get the part of rank 0.
 */
export function queryInteger(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  return z.preprocess(
    (text) => (typeof text === 'string' && INTEGER.test(text) ? Number(text) : text),
    z.int().min(minimum).max(maximum),
  );
}
