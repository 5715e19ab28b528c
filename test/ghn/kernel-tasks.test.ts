import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  batches,
  byWindow,
  channelCells,
  type KernelTask,
  placesOf,
} from '../../src/ghn/decoder/kernel-tasks.js';

const tasks: fc.Arbitrary<KernelTask[]> = fc.array(
  fc.record({
    node: fc.nat(50),
    window: fc.record({
      top: fc.nat(2),
      left: fc.nat(2),
      height: fc.integer({ min: 1, max: 4 }),
      width: fc.integer({ min: 1, max: 4 }),
    }),
    outputs: fc.integer({ min: 1, max: 9 }),
    inputs: fc.integer({ min: 1, max: 9 }),
  }),
  { minLength: 1, maxLength: 12 },
);

describe('batches of kernels', () => {
  it('contain every kernel once, with those of one window next to each other', () => {
    fc.assert(
      fc.property(tasks, fc.integer({ min: 1, max: 60 }), (given, maxPlaces) => {
        const ordered = batches(given, maxPlaces).flat();
        expect(new Set(ordered)).toEqual(new Set(given));
        expect(ordered).toHaveLength(given.length);
        expect(ordered).toEqual(byWindow(given).flat());
      }),
    );
  });

  it('have no more places than the limit, except for a kernel that has more by itself', () => {
    fc.assert(
      fc.property(tasks, fc.integer({ min: 1, max: 60 }), (given, maxPlaces) => {
        for (const batch of batches(given, maxPlaces)) {
          const places = batch.reduce((sum, task) => sum + placesOf(task), 0);
          expect(batch.length === 1 || places <= maxPlaces).toBe(true);
        }
      }),
    );
  });

  it('do not exist if there is nothing to decode', () => {
    expect(batches([], 100)).toEqual([]);
  });
});

describe('cells of channels', () => {
  it('contain each pair of outputs and inputs of every kernel once, and no other', () => {
    fc.assert(
      fc.property(tasks, (given) => {
        const cells = channelCells(given);
        for (const task of given) {
          const pairs = new Set<string>();
          for (const { outputs, inputs, tasks: users } of cells) {
            if (!users.includes(task)) continue;
            for (let o = outputs[0]; o < outputs[1]; o++) {
              for (let i = inputs[0]; i < inputs[1]; i++) {
                expect(pairs.has(`${o} ${i}`)).toBe(false);
                pairs.add(`${o} ${i}`);
              }
            }
          }
          expect(pairs.size).toBe(task.outputs * task.inputs);
          expect(pairs.has(`${task.outputs - 1} ${task.inputs - 1}`)).toBe(true);
        }
      }),
    );
  });

  it('read no pair’s weights twice', () => {
    fc.assert(
      fc.property(tasks, (given) => {
        const seen = new Set<string>();
        for (const { outputs, inputs } of channelCells(given)) {
          for (let o = outputs[0]; o < outputs[1]; o++) {
            for (let i = inputs[0]; i < inputs[1]; i++) {
              expect(seen.has(`${o} ${i}`)).toBe(false);
              seen.add(`${o} ${i}`);
            }
          }
        }
      }),
    );
  });
});
