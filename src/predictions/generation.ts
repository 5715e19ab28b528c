import { randomBytes } from 'node:crypto';

const BYTES = 8;

/**
 * A random mark of 16 hexadecimal digits for each computation of a prediction. Two computations with the same id may
 * differ in their bits, if they ran on different kinds of processors.
 */
export const newGeneration = (): string => randomBytes(BYTES).toString('hex');
