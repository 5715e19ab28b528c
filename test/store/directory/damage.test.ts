import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import type { DirectoryStore } from '../../../src/store/directory/directory-store.js';
import { damageCode } from '../../../src/store/directory/errors.js';
import { PredictionFolders } from '../../../src/store/directory/folders.js';
import { thisWriter, unfinishedName } from '../../../src/store/directory/writer.js';
import { StoreCorruptError } from '../../../src/store/store.js';
import { digestsOf, expectedDigests, idOf, samplePrediction } from '../samples.js';
import { openStore, temporaryDirectory } from './setup.js';
import { mountOver, pin } from './small-disk.js';

const folderOf = (directory: string, n = 1) => join(directory, 'predictions', idOf(n));

/** A directory in which two predictions have been saved. */
async function twoSaved(): Promise<string> {
  const directory = await temporaryDirectory();
  const { store } = await openStore(directory);
  await store.save(samplePrediction(1));
  await store.save(samplePrediction(2));
  return directory;
}

/** Opening it is ELOOP, which stands for all codes that damage can have. */
async function makeLoop(directory: string, file: string): Promise<void> {
  const path = join(folderOf(directory), file);
  await rm(path);
  await symlink(file, path);
}

async function expectServed(store: DirectoryStore, n: number): Promise<void> {
  const stored = (await store.open(idOf(n)))!;
  expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(n)));
  stored.release();
}

async function expectSavedAgain(store: DirectoryStore): Promise<void> {
  await store.save(samplePrediction(1));
  await expectServed(store, 1);
}

function systemError(code: string): Error {
  // EUCLEAN, EBADMSG and their like have no name in Node, but a number all the same.
  const [errno] = [...getSystemErrorMap()].find(([, [name]]) => name === code) ?? [-117];
  return Object.assign(new Error(`${code}: read`), { code, errno });
}

describe('an error of the operating system', () => {
  it.each(['ENOENT', 'EISDIR', 'EIO', 'ELOOP', 'EACCES', 'ESTALE', 'Unknown system error -117'])(
    'means damage: %s',
    (code) => expect(damageCode(systemError(code))).toBe(code),
  );

  it.each(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'ETIMEDOUT', 'EBADF'])(
    'does not mean damage: %s',
    (code) => expect(damageCode(systemError(code))).toBeUndefined(),
  );

  it('is not caused by a wrong call', () => {
    expect(damageCode(new RangeError('offset'))).toBeUndefined();
    expect(
      damageCode(Object.assign(new TypeError('path'), { code: 'ERR_INVALID_ARG_TYPE' })),
    ).toBeUndefined();
  });
});

describe('a file that cannot be opened', () => {
  it.each(['record.json', 'manifest.json', 'blocks.bin'])(
    'loses one prediction, which can be saved again: %s',
    async (file) => {
      const directory = await twoSaved();
      const { store, problems } = await openStore(directory);
      await makeLoop(directory, file);
      expect(await store.open(idOf(1))).toBeNull();
      expect(problems).toEqual([expect.stringContaining(`${file} cannot be read (ELOOP)`)]);
      await expectSavedAgain(store);
      await expectServed(store, 2);
    },
  );

  it.each(['record.json', 'manifest.json', 'blocks.bin'])(
    'does not prevent a service from starting: %s',
    async (file) => {
      const directory = await twoSaved();
      await makeLoop(directory, file);
      const { store, problems } = await openStore(directory);
      expect(problems).not.toEqual([]);
      await expectSavedAgain(store);
      await expectServed(store, 2);
    },
  );
});

describe('a folder in place of the blocks', () => {
  it('is detected when they are read, and loses that prediction', async () => {
    const directory = await twoSaved();
    const { store, problems } = await openStore(directory);
    await rm(join(folderOf(directory), 'blocks.bin'));
    await mkdir(join(folderOf(directory), 'blocks.bin'));
    const stored = (await store.open(idOf(1)))!;
    await expect(stored.tensors[0].readBlock(0, 10)).rejects.toThrow(StoreCorruptError);
    stored.release();
    expect(problems).toEqual([expect.stringContaining('EISDIR')]);
    expect(await store.open(idOf(1))).toBeNull();
    await expectSavedAgain(store);
  });
});

describe('a prediction that cannot be removed', () => {
  it('because something is mounted over it is not served after a start, which reports it', async (context) => {
    const directory = await twoSaved();
    const { unmount } = mountOver(context, folderOf(directory));
    const { store, problems } = await openStore(directory);
    expect(problems).toEqual([expect.stringContaining(`predictions/${idOf(1)} is not a prediction`)]);
    expect((await store.list({ limit: 10 })).records.map(({ id }) => id)).toEqual([idOf(2)]);
    await expectServed(store, 2);
    await expect(store.save(samplePrediction(1))).rejects.toThrow('could not be stored');
    unmount();
    await expectSavedAgain(store);
  });

  it('but can be moved aside is deleted all the same', async (context) => {
    const directory = await twoSaved();
    const { store, problems } = await openStore(directory);
    const stuck = join(folderOf(directory), 'stuck');
    await mkdir(stuck);
    const { unmount } = mountOver(context, stuck);
    const deletion = await Promise.allSettled([store.delete(idOf(1))]);
    const [name] = await readdir(join(directory, 'unfinished'));
    unmount(join(directory, 'unfinished', name, 'stuck'));
    expect(deletion).toEqual([{ status: 'fulfilled', value: true }]);
    expect(await store.record(idOf(1))).toBeNull();
    await expectSavedAgain(store);
    expect(problems).toEqual([]);
  });

  it('to make room is reported by a start, which continues', async (context) => {
    const directory = await twoSaved();
    pin(context, folderOf(directory));
    const { store, problems } = await openStore(directory, 2_000_000);
    expect(problems).toEqual([
      expect.stringContaining('more than STORE_MAX_BYTES'),
      expect.stringContaining(`prediction ${idOf(1)} could not be removed: resource busy`),
    ]);
    await expectServed(store, 1);
    await expectServed(store, 2);
  });

  it('and is unfinished is reported by a start, which continues', async (context) => {
    const directory = await twoSaved();
    const ended = { ...(await thisWriter()), started: '1' };
    const left = join(directory, 'unfinished', unfinishedName(ended));
    await mkdir(left);
    mountOver(context, left);
    await mkdir(join(directory, 'unfinished', unfinishedName(ended)));
    const { store, problems } = await openStore(directory);
    expect(problems).toEqual([expect.stringContaining('unfinished/ could not be removed: EBUSY')]);
    expect(await readdir(join(directory, 'unfinished'))).toHaveLength(1);
    await expectServed(store, 1);
  });
});

describe('a folder that cannot be read temporarily', () => {
  it('is skipped by the start and not changed, and is available again when it is saved', async () => {
    const directory = await twoSaved();
    const path = vi.spyOn(PredictionFolders.prototype, 'path').mockImplementationOnce(() => {
      throw systemError('EMFILE');
    });
    const { store, problems } = await openStore(directory);
    path.mockRestore();
    expect(problems).toEqual([expect.stringContaining('is not served before the next start: EMFILE')]);
    expect((await store.list({ limit: 10 })).records).toHaveLength(1);
    expect(await readdir(join(directory, 'predictions'))).toHaveLength(2);
    await expectSavedAgain(store);
    await expectServed(store, 2);
  });
});
