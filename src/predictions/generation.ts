import { randomBytes } from 'node:crypto';

const BYTES = 8;

/**
 * What tells one making of a prediction from another under the same id: processors of another kind come to other bits.
 * 16 hexadecimal digits.
 */
export const newGeneration = (): string => randomBytes(BYTES).toString('hex');
