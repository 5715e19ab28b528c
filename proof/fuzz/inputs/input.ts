import fc from 'fast-check';
import type { Target } from '../targets/target.js';

/**
 * Returns a function that gives a target's inputs by their number. The same seed and corpus give the same inputs, in
 * any order.
 */
export function inputsOf(target: Target, corpus: readonly Buffer[], seed: number): (index: number) => Buffer {
  const arbitrary = target.inputs(corpus);
  return (index) => fc.sample(arbitrary, { seed: mix(seed, target.name, index), numRuns: 1 })[0]!;
}

/** Distributes neighbouring numbers over all seeds (the finaliser of MurmurHash3). */
function mix(seed: number, name: string, index: number): number {
  let hash = seed ^ Math.imul(index + 1, 0x9e3779b1);
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}
