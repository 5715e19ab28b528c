import { randomBytes } from 'node:crypto';

const BYTES = 8;

/**
 * Distinguishes predictions with the same id that were made separately, since other kinds of processors compute other
 * bits. 16 hexadecimal digits.
 */
export const newGeneration = (): string => randomBytes(BYTES).toString('hex');
