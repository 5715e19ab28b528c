import { expect, it } from 'vitest';
import { fuzz } from '../../proof/fuzz/runner/fuzz.js';
import { findTarget } from '../../proof/fuzz/targets/index.js';
import type { Target } from '../../proof/fuzz/targets/target.js';

const run = (targets: readonly Target[], kept: string[] = []) =>
  fuzz({
    targets,
    inputs: 2,
    seed: 1,
    processes: 2,
    keep: (target, name) => {
      kept.push(`${target}/${name}`);
      return name;
    },
  });

it('a run gives the numbers of accepted and refused inputs for each target, the same for the same seed', async () => {
  const targets = ['patterns', 'cursors'].map(findTarget);
  const [first, second] = [await run(targets), await run(targets)];
  const counts = first.map(({ target, inputs, accepted, refused }) => [
    target.name,
    inputs,
    accepted,
    refused,
  ]);
  expect(
    second.map(({ target, inputs, accepted, refused }) => [target.name, inputs, accepted, refused]),
  ).toEqual(counts);
  for (const { inputs, accepted, refused, findings } of first) {
    expect(accepted + refused).toBe(inputs);
    expect(findings).toEqual([]);
  }
}, 300_000);

it('an input that exceeds its memory limit is a finding, and is saved', async () => {
  const kept: string[] = [];
  const nothing = { constant: -1, factor: 0, reason: 'that no input keeps to' };
  const [tally] = await run([{ ...findTarget('cursors'), memory: nothing }], kept);
  expect(tally!.findings).toHaveLength(tally!.inputs);
  expect(tally!.findings[0]!.message).toMatch(/bytes of memory, more than -1/);
  expect(kept).toContain('cursors/seed1-0');
}, 300_000);
