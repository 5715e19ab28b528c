import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadCursorError } from '../../../src/store/store.js';
import { fixtureGraph } from '../../architecture/fixtures.js';
import {
  digestsOf,
  expectedDigests,
  idOf,
  largeRecord,
  numberOf,
  predictionOf,
  samplePrediction,
  sampleRecord,
} from './samples.js';
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
    expect(second.store.bytes).toBe(first.store.bytes);
  });

  it('may have no tensors at all', async () => {
    const { store } = await openStore(await temporaryDirectory());
    await store.save({ ...samplePrediction(1), tensors: [] });
    const stored = (await store.open(idOf(1)))!;
    expect(stored.tensors).toEqual([]);
    stored.release();
  });

  it('is saved once when it is saved many times at once', async () => {
    const directory = await temporaryDirectory();
    const { store, problems } = await openStore(directory);
    await Promise.all(Array.from({ length: 10 }, () => store.save(samplePrediction(1))));
    const { bytes } = store;
    await store.save(samplePrediction(1));
    expect(store.bytes).toBe(bytes);
    expect((await store.list({ limit: 10 })).records).toHaveLength(1);
    expect(await readdir(join(directory, 'unfinished'))).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('is shown only once it is there as a whole', async () => {
    const { store } = await openStore(await temporaryDirectory());
    const saving = store.save(samplePrediction(1));
    expect(await store.open(idOf(1))).toBeNull();
    expect((await store.list({ limit: 10 })).records).toEqual([]);
    await saving;
    expect((await store.list({ limit: 10 })).records).toEqual([sampleRecord(1)]);
  });

  it.each([
    'a',
    'A'.repeat(32),
    '0'.repeat(65),
    '../../etc/passwd',
    `../${'0'.repeat(32)}`,
    `${'0'.repeat(32)}/.`,
    '__proto__',
  ])('cannot have the id %j', async (id) => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(join(directory, 'store'));
    await expect(store.save({ ...samplePrediction(1), record: sampleRecord(1, { id }) })).rejects.toThrow(
      'is no id',
    );
    expect(await store.open(id)).toBeNull();
    expect(await store.record(id)).toBeNull();
    expect(await store.architecture(id)).toBeNull();
    expect(await store.delete(id)).toBe(false);
    await store.amend(id, { bytes: 1 });
    expect(await readdir(directory)).toEqual(['store']);
  });

  it('is refused where its record could not be read again', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    const record = sampleRecord(1, { created_at: 'yesterday' });
    await expect(store.save({ ...samplePrediction(1), record })).rejects.toThrow('created_at');
    expect(await readdir(join(directory, 'predictions'))).toEqual([]);
  });
});

describe('amending a record', () => {
  it('replaces the fields that are given, for good', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    await store.save(samplePrediction(1));
    await Promise.all([
      store.amend(idOf(1), { digest: 'sha256:1234', bytes: 99 }),
      store.amend(idOf(1), { device: 'cuda' }),
    ]);
    const amended = sampleRecord(1, { digest: 'sha256:1234', bytes: 99, device: 'cuda' });
    expect(await store.record(idOf(1))).toEqual(amended);
    const restarted = await openStore(directory);
    expect(await restarted.store.record(idOf(1))).toEqual(amended);
    expect(restarted.store.bytes).toBe(store.bytes);
  });

  it('changes nothing where they do not make a record, or there is none', async () => {
    const { store } = await openStore(await temporaryDirectory());
    await store.save(samplePrediction(1));
    await expect(store.amend(idOf(1), { bytes: 0.5 })).rejects.toThrow('bytes');
    expect(await store.record(idOf(1))).toEqual(sampleRecord(1));
    await store.amend(idOf(2), { bytes: 1 });
    expect(await store.record(idOf(2))).toBeNull();
  });
});

describe('deleting a prediction', () => {
  it('removes it from all that is served and from the disk', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    await store.save(samplePrediction(1));
    expect(await Promise.all([store.delete(idOf(1)), store.delete(idOf(1))])).toEqual([true, false]);
    expect(await store.record(idOf(1))).toBeNull();
    expect(store.bytes).toBe(0);
    expect(await readdir(join(directory, 'predictions'))).toEqual([]);
    expect(await readdir(join(directory, 'unfinished'))).toEqual([]);
  });

  it('lets whoever reads it read on to the end', async () => {
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

describe('a prediction that many read', () => {
  it('is one open file, closed after the last release', async () => {
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

describe('the list of predictions', () => {
  it('is the newest first, in pages that together are all', async () => {
    const { store } = await openStore(await temporaryDirectory());
    // Some of the same second.
    const created = [3, 1, 4, 1, 5, 1, 2, 6].map((second) => `2026-11-24T10:00:0${second}Z`);
    const records = created.map((created_at, n) => sampleRecord(n, { created_at }));
    for (const record of records) await store.save({ ...predictionOf(0, 100), record });
    const expected = [...records].sort(
      (a, b) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 10 }), async (limit) => {
        const listed: unknown[] = [];
        let cursor: string | undefined;
        do {
          const page = await store.list({ limit, cursor });
          expect(page.records.length).toBeLessThanOrEqual(limit);
          listed.push(...page.records);
          cursor = page.nextCursor ?? undefined;
        } while (cursor);
        expect(listed).toEqual(expected);
      }),
      { numRuns: 15 },
    );
  });

  it('goes on behind the same prediction when others come and it goes', async () => {
    const { store } = await openStore(await temporaryDirectory());
    for (let n = 1; n <= 4; n++) await store.save(predictionOf(n, 100));
    const { nextCursor } = await store.list({ limit: 2 });
    await store.save(predictionOf(5, 100));
    await store.delete(idOf(3));
    const { records } = await store.list({ limit: 2, cursor: nextCursor! });
    expect(records.map(({ id }) => numberOf(id))).toEqual([2, 1]);
  });

  it('has shorter pages where records are large', async () => {
    const { store } = await openStore(await temporaryDirectory());
    for (let n = 1; n <= 9; n++) await store.save({ ...predictionOf(n, 100), record: largeRecord(n) });
    const { records, nextCursor } = await store.list({ limit: 100 });
    expect(records.map(({ id }) => numberOf(id))).toEqual([9, 8, 7, 6, 5, 4, 3, 2]);
    const rest = await store.list({ limit: 100, cursor: nextCursor! });
    expect(rest.records.map(({ id }) => numberOf(id))).toEqual([1]);
    expect(rest.nextCursor).toBeNull();
  });

  it('can be of an architecture, a GHN, a status', async () => {
    const { store } = await openStore(await temporaryDirectory());
    const architecture = { ...sampleRecord(0).architecture, name: 'resnet50' };
    await store.save(samplePrediction(1));
    await store.save(samplePrediction(2, { architecture }));
    await store.save(samplePrediction(3, { architecture, ghn: { id: 'ghn2', digest: 'sha256:1' } }));
    await store.save(samplePrediction(4, { status: 'failed' }));
    const listed = async (filter: object) =>
      (await store.list({ limit: 10, ...filter })).records.map(({ id }) => numberOf(id));
    expect(await listed({ architecture: 'resnet50' })).toEqual([3, 2]);
    expect(await listed({ ghn: 'ghn3-tiny' })).toEqual([4, 2, 1]);
    expect(await listed({ status: 'succeeded', ghn: 'ghn3-tiny', architecture: 'tiny' })).toEqual([1]);
    await store.amend(idOf(4), { status: 'succeeded' });
    expect(await listed({ status: 'failed' })).toEqual([]);
  });

  it.each(['', 'x', 'MTIz', Buffer.from(`1.${'0'.repeat(32)}x`).toString('base64url'), '0'.repeat(60)])(
    'has no cursor %j',
    async (cursor) => {
      const { store } = await openStore(await temporaryDirectory());
      await expect(store.list({ limit: 1, cursor })).rejects.toThrow(BadCursorError);
    },
  );
});
