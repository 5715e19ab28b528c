import { describe, expect, it, vi } from 'vitest';
import { LastingTensors, type Reading } from '../../src/predictions/lasting-tensors.js';
import { StoreCorruptError } from '../../src/store/store.js';
import type { TensorSource } from '../../src/tensor/tensor.js';

const SMALL = [10];
/** More than what is verified ahead. */
const LARGE = [3 * 2 ** 20];

interface Faults {
  /** Entries from here on are corrupt. */
  readonly from?: number;
  readonly error?: Error;
}

/** One that reads from a disk of which every entry has this value, and what was let go of. */
function readingOf(value: number, shape: readonly number[], { from, error }: Faults = {}) {
  const release = vi.fn();
  const tensor: TensorSource = {
    name: 'weight',
    shape,
    blockShape: shape,
    async readBlock(start, end) {
      if (from !== undefined && end > from) throw error ?? new StoreCorruptError('a bit has flipped');
      return new Float32Array(end - start).fill(value);
    },
  };
  const reading: Reading = { tensors: [tensor], checksums: () => String(value), release };
  return { reading, release };
}

const read = async (tensors: LastingTensors, start: number, end: number) =>
  [...new Set(await tensors.tensors[0]!.readBlock(start, end))].join();

describe('tensors of a store', () => {
  it('are read unchanged while they are intact', async () => {
    const replace = vi.fn();
    for (const shape of [SMALL, LARGE]) {
      const { reading, release } = readingOf(1, shape);
      const lasting = new LastingTensors(reading, replace);
      expect(lasting.tensors[0]).toMatchObject({ name: 'weight', shape, blockShape: shape });
      expect(await read(lasting, 2, 9)).toBe('1');
      lasting.release();
      expect(release).toHaveBeenCalledOnce();
    }
    expect(replace).not.toHaveBeenCalled();
  });

  it('are read from another place afterwards, and the first place is released', async () => {
    for (const shape of [SMALL, LARGE]) {
      const [first, second] = [readingOf(1, shape), readingOf(2, shape)];
      const lasting = new LastingTensors(first.reading, vi.fn(), { isSound: true });
      expect(await read(lasting, 2, 5)).toBe('1');
      lasting.move(second.reading);
      expect(first.release).toHaveBeenCalledOnce();
      expect(await read(lasting, 5, 9)).toBe('2');
      lasting.release();
      expect(second.release).toHaveBeenCalledOnce();
      const late = readingOf(3, shape);
      lasting.move(late.reading);
      expect(late.release).toHaveBeenCalledOnce();
    }
  });

  it('are replaced for all readers when a block is corrupt, and the corrupt ones are released', async () => {
    const { reading, release } = readingOf(1, LARGE, { from: 100 });
    const next = readingOf(1, LARGE);
    const replace = vi.fn(async () => next.reading);
    const lasting = new LastingTensors(reading, replace);
    expect(await read(lasting, 0, 50)).toBe('1');
    expect(await Promise.all([read(lasting, 50, 150), read(lasting, 90, 200)])).toEqual(['1', '1']);
    expect(replace).toHaveBeenCalledOnce();
    expect(release).toHaveBeenCalledOnce();
    lasting.release();
    expect(next.release).toHaveBeenCalledOnce();
    expect(release).toHaveBeenCalledOnce();
  });

  it('of a small network are verified before the first entry is given out', async () => {
    const { reading } = readingOf(1, SMALL, { from: 9 });
    const lasting = new LastingTensors(reading, async () => readingOf(2, SMALL).reading);
    // Nothing was given out yet: what was made again may be another.
    expect(await read(lasting, 0, 5)).toBe('2');
  });

  it('are never mixed with others: an answer that has begun ends with an error', async () => {
    const { reading } = readingOf(1, LARGE, { from: 100 });
    const next = readingOf(2, LARGE);
    const lasting = new LastingTensors(reading, async () => next.reading);
    expect(await read(lasting, 0, 50)).toBe('1');
    await expect(read(lasting, 50, 150)).rejects.toThrow('has other bits');
    expect(next.release).toHaveBeenCalledOnce();
    lasting.release();
  });

  it('reject with the reason if they cannot be replaced', async () => {
    const { reading } = readingOf(1, SMALL, { from: 5 });
    const lasting = new LastingTensors(reading, () => Promise.reject(new Error('no engine')));
    await expect(read(lasting, 0, 1)).rejects.toThrow('no engine');
  });

  it('are given up if every replacement is corrupt', async () => {
    const corrupt = () => readingOf(1, LARGE, { from: 5 }).reading;
    const replace = vi.fn(async () => corrupt());
    const lasting = new LastingTensors(corrupt(), replace);
    await expect(read(lasting, 0, 10)).rejects.toThrow('a bit has flipped');
    expect(replace).toHaveBeenCalledTimes(3);
  });

  it('are not replaced after another error, or without a reader', async () => {
    const replace = vi.fn();
    const broken = readingOf(1, LARGE, { from: 5, error: new Error('EMFILE') });
    await expect(read(new LastingTensors(broken.reading, replace), 0, 10)).rejects.toThrow('EMFILE');
    const gone = new LastingTensors(readingOf(1, LARGE, { from: 5 }).reading, replace);
    gone.release();
    await expect(read(gone, 0, 10)).rejects.toThrow(StoreCorruptError);
    expect(replace).not.toHaveBeenCalled();
  });

  it('that are replaced after their reader has left are released', async () => {
    const next = readingOf(1, LARGE);
    let replaced = (_: Reading) => {};
    const pending = new Promise<Reading>((resolve) => {
      replaced = resolve;
    });
    const lasting = new LastingTensors(readingOf(1, LARGE, { from: 5 }).reading, () => pending);
    const reads = read(lasting, 0, 10);
    await Promise.resolve();
    lasting.release();
    replaced(next.reading);
    await expect(reads).rejects.toThrow();
    expect(next.release).toHaveBeenCalledOnce();
  });
});
