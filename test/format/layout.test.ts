import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ByteSource, Layout, ReadyBytes } from '../../src/format/layout.js';
import { ranges, read, within } from './bytes.js';

/** A part that writes immediately or later, and records if it was released. */
class Part implements ByteSource {
  released = 0;
  readonly #bytes: ReadyBytes;
  readonly #later: boolean;

  constructor(bytes: Uint8Array, later: boolean) {
    this.#bytes = new ReadyBytes(bytes);
    this.#later = later;
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  copy(start: number, end: number, target: Uint8Array, at: number): void | Promise<void> {
    if (!this.#later) return this.#bytes.copy(start, end, target, at);
    return Promise.resolve().then(() => this.#bytes.copy(start, end, target, at));
  }

  release(): void {
    this.released++;
  }
}

const parts = fc.array(fc.tuple(fc.uint8Array({ maxLength: 12 }), fc.boolean()), {
  minLength: 1,
  maxLength: 8,
});

describe('a layout', () => {
  test('is the sequence of its parts, in any range, including empty and late parts', async () => {
    await fc.assert(
      fc.asyncProperty(parts, ranges, async (parts, fractions) => {
        const layout = new Layout(parts.map(([bytes, later]) => new Part(bytes, later)));
        const whole = Buffer.concat(parts.map(([bytes]) => bytes));
        expect(layout.byteLength).toBe(whole.byteLength);
        for (const fraction of fractions) {
          const [start, end] = within(whole.byteLength, fraction);
          expect(whole.subarray(start, end).equals(await read(layout, start, end))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('releases a part when its last byte was written, not before', async () => {
    const [first, second] = [new Part(Buffer.from('abcd'), true), new Part(Buffer.from('efgh'), false)];
    const layout = new Layout([first, second]);
    await read(layout, 0, 3);
    expect([first.released, second.released]).toEqual([0, 0]);
    await read(layout, 3, 7);
    expect([first.released, second.released]).toEqual([1, 0]);
    await read(layout, 7, 8);
    expect([first.released, second.released]).toEqual([1, 1]);
  });
});
