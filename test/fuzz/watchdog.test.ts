import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Result } from '../../proof/fuzz/runner/protocol.js';
import { runTask } from '../../proof/fuzz/runner/run.js';

it('an endless loop, a crash and a full heap are reported with their input, and the other inputs still run', async () => {
  const results: Result[] = [];
  await runTask(
    { target: 'none', seed: 0, from: 0, to: 7 },
    (result) => {
      results.push(result);
    },
    // Long enough that the engine itself notices a full heap.
    { module: fileURLToPath(new URL('broken-process.ts', import.meta.url)), hangMilliseconds: 6_000 },
  );
  expect(results.map(({ index, outcome }) => [index, outcome])).toEqual([
    [0, 'refused'],
    [1, 'failed'],
    [2, 'refused'],
    [3, 'failed'],
    [4, 'refused'],
    [5, 'failed'],
    [6, 'refused'],
  ]);
  expect(results[1]!.message).toContain('no result after 6 s');
  expect(results[3]!.message).toContain('SIGABRT');
  expect(results[5]!.message).toMatch(/heap|SIGABRT|no result after/);
}, 300_000);
