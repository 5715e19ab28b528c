import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DirectoryStore } from '../../../src/store/directory/directory-store.js';
import { StoreUnchangedError } from '../../../src/store/store.js';
import { digestsOf, expectedDigests, idOf, numberOf, predictionOf, versionOf } from '../samples.js';
import { openStore } from './setup.js';
import { smallDisk } from './small-disk.js';

const MEBIBYTE = 2 ** 20;

async function expectServed(store: DirectoryStore, n: number, bytes: number): Promise<void> {
  const stored = (await store.open(idOf(n)))!;
  expect(await digestsOf(stored)).toEqual(expectedDigests(predictionOf(n, bytes)));
  stored.release();
}

describe('a disk that is smaller than the store’s limit', () => {
  it('still accepts new predictions by evicting the least recently used', async (context) => {
    const { directory } = await smallDisk(context);
    const { store, problems } = await openStore(directory);
    for (let n = 1; n <= 20; n++) await store.save(predictionOf(n, MEBIBYTE));
    const { records } = await store.list({ limit: 100 });
    expect(records.length).toBeGreaterThan(4);
    expect(records.map(({ id }) => numberOf(id))).toEqual(records.map((_, k) => 20 - k));
    for (const { id } of records) await expectServed(store, numberOf(id), MEBIBYTE);
    expect(problems).toEqual([]);
  });
});

describe('a disk that others fill', () => {
  it('makes saves fail with the reason, keeps nothing of them, and is used again once there is room', async (context) => {
    const { directory } = await smallDisk(context);
    const { store } = await openStore(directory);
    await store.save(predictionOf(1, MEBIBYTE));
    const open = (await store.open(idOf(1)))!;
    for (let n = 2; n <= 11; n++) {
      await writeFile(join(directory, 'ballast'), Buffer.alloc(6.5 * MEBIBYTE));
      await expect(store.save(predictionOf(n, 2 * MEBIBYTE))).rejects.toThrow(
        `prediction ${idOf(n)} could not be stored: ENOSPC: no space left on device`,
      );
      expect(await store.open(idOf(n))).toBeNull();
      expect(await readdir(join(directory, 'unfinished'))).toEqual([]);
      await expectServed(store, 1, MEBIBYTE);
      await rm(join(directory, 'ballast'));
      await store.save(predictionOf(n, 2 * MEBIBYTE));
      await expectServed(store, n, 2 * MEBIBYTE);
      await store.delete(idOf(n));
    }
    open.release();
    const restarted = await openStore(directory);
    expect((await restarted.store.list({ limit: 10 })).records.map(({ id }) => id)).toEqual([idOf(1)]);
    expect(restarted.problems).toEqual([]);
  });
});

describe('a disk that has become read-only', () => {
  it('can still be read, makes changes fail with the reason, and can be written again afterwards', async (context) => {
    const { directory, remount } = await smallDisk(context);
    const { store } = await openStore(directory);
    await store.save(predictionOf(1, MEBIBYTE));
    const bytes = await store.usage();
    remount('ro');
    await expect(store.save(predictionOf(2, MEBIBYTE))).rejects.toThrow('EROFS: read-only file system');
    await expect(store.amend(versionOf(1), () => ({ bytes: 1 }))).rejects.toThrow(
      'could not be amended: EROFS',
    );
    await expect(store.delete(idOf(1))).rejects.toThrow(
      new StoreUnchangedError(`prediction ${idOf(1)} could not be removed: read-only file system (EROFS)`),
    );
    await expect(store.delete(idOf(1))).rejects.toThrow(StoreUnchangedError);
    await expectServed(store, 1, MEBIBYTE);
    expect(await store.usage()).toBe(bytes);
    remount('rw');
    await store.save(predictionOf(2, MEBIBYTE));
    expect(await store.delete(idOf(1))).toBe(true);
  });
});

describe('a start', () => {
  it.skipIf(!existsSync('/proc/self'))(
    'in a place where nothing can be created is refused at once',
    async () => {
      await expect(openStore('/proc/ghn-serve/store')).rejects.toThrow(
        'the store needs a directory that it may write to, and /proc/ghn-serve/store is not one',
      );
    },
  );

  it('on a read-only disk is refused, with the reason and the remedy', async (context) => {
    const { directory, remount } = await smallDisk(context);
    const { store } = await openStore(directory);
    await store.save(predictionOf(1, MEBIBYTE));
    await store.close();
    remount('ro');
    await expect(openStore(directory)).rejects.toThrow(
      `the store needs a directory that it may write to, and ${directory} is not one: EROFS: read-only file system`,
    );
    await expect(openStore(join(directory, 'new'))).rejects.toThrow('may write to');
    remount('rw');
    await expectServed((await openStore(directory)).store, 1, MEBIBYTE);
  });

  it('on a full disk finds the stored predictions', async (context) => {
    const { directory } = await smallDisk(context);
    const { store } = await openStore(directory);
    await store.save(predictionOf(1, MEBIBYTE));
    await writeFile(join(directory, 'ballast'), Buffer.alloc(8 * MEBIBYTE)).catch(() => {});
    const restarted = await openStore(directory);
    await expectServed(restarted.store, 1, MEBIBYTE);
    await rm(join(directory, 'ballast'));
    await restarted.store.save(predictionOf(2, MEBIBYTE));
  });
});
