import { describe, expect, test } from 'vitest';
import { randomKey } from '../../src/random/key.js';
import { threefry, type Words4 } from '../../src/random/threefry.js';

const ZEROS: Words4 = [0, 0, 0, 0];
const ONES: Words4 = [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff];

function words(key: Words4, counter: Words4, count: number): number[] {
  const out = new Uint32Array(count);
  threefry(key, counter, out);
  return [...out];
}

describe('threefry4x32-20', () => {
  // The lines "threefry4x32 20" of Random123's known-answer file, tests/kat_vectors.
  test.each([
    [ZEROS, ZEROS, [0x9c6ca96a, 0xe17eae66, 0xfc10ecd4, 0x5256a7d8]],
    [ONES, ONES, [0x2a881696, 0x57012287, 0xf6c7446e, 0xa16a6732]],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89],
      [0x59cd1dbb, 0xb8879579, 0x86b5d00c, 0xac8b6d84],
    ],
  ] satisfies [Words4, Words4, number[]][])('gives the published words', (counter, key, expected) => {
    expect(words(key, counter, 4)).toEqual(expected);
  });

  test('counts over 64 bits', () => {
    const key: Words4 = [1, 2, 3, 4];
    const run = words(key, [0xfffffffe, 7, 5, 6], 16);
    expect(run.slice(4, 8)).toEqual(words(key, [0xffffffff, 7, 5, 6], 4));
    expect(run.slice(8, 12)).toEqual(words(key, [0, 8, 5, 6], 4));
    expect(run.slice(12)).toEqual(words(key, [1, 8, 5, 6], 4));
  });

  test('changes half of its bits when one bit of the key or the counter changes', () => {
    const of = (key: Words4, counter: Words4) =>
      words(key, counter, 4).reduce((all, w) => all.concat(bits(w)), [] as number[]);
    const bits = (word: number) => Array.from({ length: 32 }, (_, i) => (word >>> i) & 1);
    const plain = of(ZEROS, ZEROS);
    for (let bit = 0; bit < 128; bit++) {
      const flipped = ZEROS.map((_, i) => (i === bit >> 5 ? 1 << (bit & 31) : 0)) as unknown as Words4;
      for (const changed of [of(flipped, ZEROS), of(ZEROS, flipped)]) {
        const distance = changed.filter((b, i) => b !== plain[i]).length;
        expect(distance).toBeGreaterThan(35);
        expect(distance).toBeLessThan(93);
      }
    }
  });
});

describe('a key', () => {
  test('differs with the seed, the tensor and the purpose', () => {
    const keys = [
      randomKey(0, 'a', 'noise'),
      randomKey(1, 'a', 'noise'),
      randomKey(2 ** 32, 'a', 'noise'),
      randomKey(Number.MAX_SAFE_INTEGER, 'a', 'noise'),
      randomKey(0, 'b', 'noise'),
      randomKey(0, '', 'anoise'),
      randomKey(0, 'a', 'token'),
    ];
    expect(new Set(keys.map(String)).size).toBe(keys.length);
    expect(randomKey(0, 'a', 'noise')).toEqual(keys[0]);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the seed %s', (seed) => {
    expect(() => randomKey(seed, 'a', 'noise')).toThrow(/seed must be an integer/);
  });
});
