import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DirectoryStore } from '../../../src/store/directory/directory-store.js';
import { digestsOf, expectedDigests, idOf, numberOf, predictionOf } from '../samples.js';
import { openStore, temporaryDirectory } from './setup.js';

/** Room for three predictions of this size, and not for four. */
const SIZE = 100_000;
const ROOM = 3.5 * SIZE;

const saveAll = async (store: DirectoryStore, numbers: readonly number[]) => {
  for (const n of numbers) await store.save(predictionOf(n, SIZE));
};

const listed = async (store: DirectoryStore) =>
  (await store.list({ limit: 100 })).records.map(({ id }) => numberOf(id)).sort();

const use = async (store: DirectoryStore, n: number) => (await store.open(idOf(n)))!.release();

describe('a store that is full', () => {
  it('evicts the least recently used predictions, from the disk as well', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory, ROOM);
    await saveAll(store, [1, 2, 3]);
    await use(store, 1);
    await store.save(predictionOf(4, SIZE));
    expect(await listed(store)).toEqual([1, 3, 4]);
    await store.save(predictionOf(5, 2 * SIZE));
    expect(await listed(store)).toEqual([4, 5]);
    expect((await readdir(join(directory, 'predictions'))).sort()).toEqual([idOf(4), idOf(5)]);
    expect(await store.usage()).toBeLessThanOrEqual(ROOM);
  });

  it('never evicts open predictions', async () => {
    const { store } = await openStore(await temporaryDirectory(), ROOM);
    await saveAll(store, [1, 2, 3]);
    const readers = await Promise.all([store.open(idOf(1)), store.open(idOf(1)), store.open(idOf(2))]);
    await saveAll(store, [4, 5]);
    expect(await listed(store)).toEqual([1, 2, 5]);
    readers[0]!.release();
    await store.save(predictionOf(6, SIZE));
    expect(await listed(store)).toEqual([1, 2, 6]);
    expect(await digestsOf(readers[1]!)).toEqual(expectedDigests(predictionOf(1, SIZE)));
    readers[1]!.release();
    readers[2]!.release();
    await saveAll(store, [7, 8]);
    expect(await listed(store)).toEqual([6, 7, 8]);
  });

  it('refuses a save when all are open, and evicts nothing for it', async () => {
    const { store } = await openStore(await temporaryDirectory(), ROOM);
    await saveAll(store, [1, 2, 3]);
    const readers = await Promise.all([store.open(idOf(1)), store.open(idOf(2))]);
    await expect(store.save(predictionOf(4, 2 * SIZE))).rejects.toThrow(
      'full of predictions that are being read',
    );
    expect(await listed(store)).toEqual([1, 2, 3]);
    for (const reader of readers) reader!.release();
    await store.save(predictionOf(4, 2 * SIZE));
    expect(await listed(store)).toEqual([2, 4]);
  });

  it('refuses a prediction that is larger than the store, and evicts nothing for it', async () => {
    const { store } = await openStore(await temporaryDirectory(), ROOM);
    await saveAll(store, [1, 2, 3]);
    await expect(store.save(predictionOf(4, ROOM))).rejects.toThrow(
      new RegExp(`prediction ${idOf(4)} could not be stored: it takes up \\d+ bytes, more than the ${ROOM}`),
    );
    expect(await listed(store)).toEqual([1, 2, 3]);
  });

  it('keeps its limit when many save at once', async () => {
    const { store } = await openStore(await temporaryDirectory(), ROOM);
    const saves = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => store.save(predictionOf(n, SIZE)));
    const results = await Promise.allSettled(saves);
    expect(await store.usage()).toBeLessThanOrEqual(ROOM);
    const saved = results.flatMap(({ status }, k) => (status === 'fulfilled' ? [k + 1] : []));
    expect(await listed(store)).toEqual(saved);
    expect(saved).toHaveLength(3);
  });

  it('serves complete predictions or none while others evict them', async () => {
    const { store, problems } = await openStore(await temporaryDirectory(), ROOM);
    const expected = expectedDigests(predictionOf(1, SIZE));
    const read = async () => {
      for (let k = 0; k < 60; k++) {
        const stored = await store.open(idOf(1));
        if (stored) expect(await digestsOf(stored)).toEqual(expected);
        stored?.release();
      }
    };
    const write = async () => {
      for (let k = 0; k < 10; k++) await saveAll(store, [1, 2 * k + 2, 2 * k + 3]);
    };
    await Promise.all([read(), read(), write()]);
    expect(problems).toEqual([]);
  });
});

describe('a restarted store', () => {
  it('remembers which predictions were used last', async () => {
    const directory = await temporaryDirectory();
    const first = await openStore(directory, ROOM);
    await saveAll(first.store, [1, 2, 3]);
    // Uses are noted when the last note is old.
    for (const n of [1, 2, 3]) {
      const hours = new Date(Date.UTC(2026, 1, 1, n));
      await utimes(join(directory, 'predictions', idOf(n)), hours, hours);
    }
    const second = await openStore(directory, ROOM);
    await use(second.store, 1);
    await expect
      .poll(async () => {
        const third = await openStore(directory, ROOM);
        await third.store.save(predictionOf(4, 10));
        const fourth = await openStore(directory, 2.5 * SIZE);
        return listed(fourth.store);
      })
      .toEqual([1, 3, 4]);
  });

  it('with less room evicts what no longer fits', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory, ROOM);
    await saveAll(store, [1, 2, 3]);
    for (const n of [1, 2, 3]) {
      const hours = new Date(Date.UTC(2026, 1, 1, n));
      await utimes(join(directory, 'predictions', idOf(n)), hours, hours);
    }
    const smaller = await openStore(directory, 1.5 * SIZE);
    expect(await listed(smaller.store)).toEqual([3]);
    expect(await readdir(join(directory, 'predictions'))).toEqual([idOf(3)]);
  });
});
