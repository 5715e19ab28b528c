import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { corpusFiles, readCorpusFile } from '../../proof/fuzz/corpus.js';
import { inputsOf } from '../../proof/fuzz/inputs/input.js';
import { TARGETS } from '../../proof/fuzz/targets/index.js';
import type { Opened } from '../../proof/fuzz/targets/target.js';

/** Number of inputs for all targets together; `npm run fuzz` makes any number. */
const INPUTS = 2000;
const SEED = 1;

describe.each(TARGETS.map((target) => [target.name, target] as const))('fuzzing of %s:', (name, target) => {
  const files = corpusFiles(name);
  let opened: Opened;
  beforeAll(async () => {
    opened = await target.open();
  });
  afterAll(() => opened.close());

  it('a valid input is accepted', async () => {
    expect(await opened.run(target.valid())).toBe('accepted');
  });

  if (files.length > 0) {
    it.each(files)('%s in the corpus is answered correctly', async (file) => {
      expect(['accepted', 'refused']).toContain(await opened.run(readCorpusFile(name, file)));
    });
  }

  const count = Math.ceil((INPUTS * target.share) / 100);
  it(`each of ${count} generated inputs is accepted or refused, without other errors`, async () => {
    const inputOf = inputsOf(
      target,
      files.map((file) => readCorpusFile(name, file)),
      SEED,
    );
    const outcomes = { accepted: 0, refused: 0 };
    for (let index = 0; index < count; index++) {
      const input = inputOf(index);
      const outcome = await opened.run(input).catch((error: unknown) => {
        throw new Error(`input ${index} of seed ${SEED}`, { cause: error });
      });
      outcomes[outcome]++;
    }
    expect(outcomes.accepted).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  }, 300_000);

  it('an input can be reproduced from its seed and number', () => {
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

it('the shares of the targets add up to 100', () => {
  expect(TARGETS.reduce((sum, { share }) => sum + share, 0)).toBe(100);
});
