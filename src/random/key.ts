import { createHash } from 'node:crypto';
import type { Words4 } from './threefry.js';

/**
 * Returns the generator's key for one use of random numbers. Sequences whose seed, tensor or purpose differ are
 * independent.
 *
 * @param seed the seed of the request, a safe integer that is not negative
 * @param tensor the tensor's name
 * @param purpose the use of the numbers
 */
export function randomKey(seed: number, tensor: string, purpose: string): Words4 {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`seed must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}, it is ${seed}`);
  }
  const digest = createHash('sha256')
    .update(JSON.stringify([purpose, seed, tensor]))
    .digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)];
}
