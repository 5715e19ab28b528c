import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixtureGraph } from '../../architecture/fixtures.js';
import { digestsOf, expectedDigests, idOf, samplePrediction, sampleRecord, versionOf } from '../samples.js';
import { openBlocksFiles, openStore, temporaryDirectory } from './setup.js';

describe('a stored prediction', () => {
  it('has the record, the graph and every bit of every block, also after a restart', async () => {
    const directory = await temporaryDirectory();
    const prediction = { ...samplePrediction(1), architecture: fixtureGraph('resnet50') };
    const first = await openStore(directory);
    await first.store.save(prediction);
    await first.store.close();
    const second = await openStore(directory);
    for (const { store } of [first, second]) {
      expect(await store.record(idOf(1))).toEqual(prediction.record);
      expect(await store.architecture(idOf(1))).toEqual(prediction.architecture);
      const stored = (await store.open(idOf(1)))!;
      expect(stored.record).toEqual(prediction.record);
      expect(stored.tensors.map(({ name, shape, blockShape }) => ({ name, shape, blockShape }))).toEqual(
        prediction.tensors.map(({ name, shape, blockShape }) => ({ name, shape, blockShape })),
      );
      expect(await digestsOf(stored)).toEqual(expectedDigests(prediction));
      stored.release();
    }
    expect(second.problems).toEqual([]);
    expect(await second.store.usage()).toBe(await first.store.usage());
  });

  it('is saved once when it is saved many times at once', async () => {
    const directory = await temporaryDirectory();
    const { store, problems } = await openStore(directory);
    await Promise.all(Array.from({ length: 10 }, () => store.save(samplePrediction(1))));
    expect((await store.list({ limit: 10 })).records).toHaveLength(1);
    expect(await readdir(join(directory, 'unfinished'))).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('is refused if its record could not be read again', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    const record = sampleRecord(1, { created_at: 'yesterday' });
    await expect(store.save({ ...samplePrediction(1), record })).rejects.toThrow('created_at');
    expect(await readdir(join(directory, 'predictions'))).toEqual([]);
  });
});

describe('an amended record', () => {
  it('is kept after a restart, and its size counts', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    await store.save(samplePrediction(1));
    await store.amend(versionOf(1), () => ({ digest: 'sha256:1234', bytes: 99 }));
    const usage = await store.usage();
    const restarted = await openStore(directory);
    expect(await restarted.store.record(idOf(1))).toEqual(
      sampleRecord(1, { digest: 'sha256:1234', bytes: 99 }),
    );
    expect(await restarted.store.usage()).toBe(usage);
  });
});

describe('an id that leads out of the directory', () => {
  it.each(['../../etc/passwd', `../${'0'.repeat(32)}`, `${'0'.repeat(32)}/.`])(
    'is not accepted: %j',
    async (id) => {
      const directory = await temporaryDirectory();
      const { store } = await openStore(join(directory, 'store'));
      const saving = store.save({ ...samplePrediction(1), record: sampleRecord(1, { id }) });
      await expect(saving).rejects.toThrow('is not an id');
      expect(await store.delete(id)).toBe(false);
      expect(await readdir(directory)).toEqual(['store']);
    },
  );
});

describe('deleting a prediction', () => {
  it('removes it from the store and from the disk', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    await store.save(samplePrediction(1));
    expect(await Promise.all([store.delete(idOf(1)), store.delete(idOf(1))])).toEqual([true, false]);
    expect(await store.record(idOf(1))).toBeNull();
    expect(await store.usage()).toBe(0);
    expect(await readdir(join(directory, 'predictions'))).toEqual([]);
    expect(await readdir(join(directory, 'unfinished'))).toEqual([]);
  });

  it('lets readers finish', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    await store.save(samplePrediction(1));
    const stored = (await store.open(idOf(1)))!;
    const deleting = store.delete(idOf(1));
    expect(await store.open(idOf(1))).toBeNull();
    expect(await deleting).toBe(true);
    expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(1)));
    stored.release();
    await expect.poll(() => openBlocksFiles(directory)).toBe(0);
  });

  it('during its save removes it once it is saved', async () => {
    const { store } = await openStore(await temporaryDirectory());
    const saving = store.save(samplePrediction(1));
    const deleting = store.delete(idOf(1));
    await saving;
    expect(await deleting).toBe(true);
    expect(await store.open(idOf(1))).toBeNull();
    await store.save(samplePrediction(1));
    expect(await store.record(idOf(1))).toEqual(sampleRecord(1));
  });
});

describe('a prediction with many readers', () => {
  it('uses one open file, which is closed after the last release', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    await store.save(samplePrediction(1));
    const readers = await Promise.all(Array.from({ length: 100 }, () => store.open(idOf(1))));
    expect(await openBlocksFiles(directory)).toBe(1);
    for (const reader of readers.slice(1)) {
      reader!.release();
      reader!.release();
    }
    expect(await openBlocksFiles(directory)).toBe(1);
    expect(await digestsOf(readers[0]!)).toEqual(expectedDigests(samplePrediction(1)));
    readers[0]!.release();
    await expect.poll(() => openBlocksFiles(directory)).toBe(0);
  });
});
