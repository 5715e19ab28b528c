import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { changes } from '../../proof/fuzz/inputs/bytes.js';
import { CheckpointError, readCheckpoint } from '../../src/ghn/checkpoint.js';
import { ENCODINGS, encodingsOf, refusal, useFolder } from './files.js';

const MUTATIONS = 2000;
const MINUTES = 60_000;

/** Allowed growth of the process: buffers, and garbage that is not collected yet. */
const ALLOWED_GROWTH_KB = 500_000;

const write = useFolder();
const names = [...(await encodingsOf('ghn3')), ...(await encodingsOf('ghn2'))];
const files = new Map(
  await Promise.all(names.map(async (name) => [name, await readFile(join(ENCODINGS, name))] as const)),
);

test(
  `${MUTATIONS} damaged files are each read or refused with a CheckpointError, with limited memory`,
  async () => {
    const before = process.resourceUsage().maxRSS;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), changes, async (name, change) => {
        const path = await write('mutated', change(files.get(name)!));
        try {
          const { weights, parameters } = await readCheckpoint(path);
          const lengths = [...weights.values()].map(({ data }) => data.length);
          expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(parameters);
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw error;
          expect(error.message).toContain(path);
        }
      }),
      { numRuns: MUTATIONS },
    );
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(ALLOWED_GROWTH_KB);
  },
  10 * MINUTES,
);

/** Returns the lengths at which a file is cut: all near its beginning and end, and some in between. */
function lengths(size: number): number[] {
  const all = new Set<number>();
  for (let length = 0; length < 200; length++) all.add(length).add(size - 1 - length);
  for (let length = 200; length < size; length += 997) all.add(length);
  return [...all].filter((length) => length >= 0).sort((a, b) => b - a);
}

const cut = names.filter((name) => /ghn3\.(zip\.pt|legacy\.pt|joblib.*|f16\.safetensors)$/.test(name));

test.each(cut)(
  '%s is refused wherever it is cut off',
  async (name) => {
    const content = files.get(name)!;
    const path = await write(`cut.${name}`, content);
    for (const length of lengths(content.length)) {
      await truncate(path, length);
      expect(await refusal(path), `cut to ${length} bytes`).toContain(path);
    }
  },
  5 * MINUTES,
);
