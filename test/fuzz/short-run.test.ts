import { describe, expect, it } from 'vitest';
import { inputsOf } from '../../fuzz/inputs/input.js';
import { fuzz } from '../../fuzz/runner/fuzz.js';
import { TARGETS } from '../../fuzz/targets/index.js';

const INPUTS = 2000;
const MINUTES = 60_000;

it(
  `${INPUTS} hostile inputs over all parsers: no crash, no 5xx, none without end or measure`,
  async () => {
    const tallies = await fuzz({
      targets: TARGETS,
      inputs: INPUTS,
      seed: 1,
      processes: 2,
      keep: (target, name) => `${target}/${name}`,
    });
    expect(tallies.flatMap(({ findings }) => findings)).toEqual([]);
    for (const { target, inputs, accepted, refused } of tallies) {
      expect(accepted + refused, target.name).toBe(inputs);
      expect(refused, target.name).toBeGreaterThan(0);
    }
    expect(tallies.reduce((sum, { inputs }) => sum + inputs, 0)).toBeGreaterThanOrEqual(
      INPUTS - TARGETS.length,
    );
  },
  10 * MINUTES,
);

describe('an input can be made again from its seed and its number alone:', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))('%s', (_, target) => {
    const numbers = [0, 1, 2, 40];
    const inOrder = numbers.map(inputsOf(target, [], 5));
    const backwards = numbers
      .toReversed()
      .map(inputsOf(target, [], 5))
      .reverse();
    expect(backwards.every((input, i) => input.equals(inOrder[i]!))).toBe(true);
    const others = numbers.map(inputsOf(target, [], 6));
    expect(others.every((input, i) => input.equals(inOrder[i]!))).toBe(false);
  });
});
