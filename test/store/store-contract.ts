import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BadCursorError } from '../../src/store/list.js';
import { type PredictionStore, StoreCorruptError } from '../../src/store/store.js';
import { fixtureGraph, tinyGraph } from '../architecture/fixtures.js';
import {
  digestsOf,
  expectedDigests,
  idOf,
  largeRecord,
  numberOf,
  predictionOf,
  samplePrediction,
  sampleRecord,
  versionOf,
} from './samples.js';

/** A store in a test's hands. */
export interface StoreUnderTest {
  readonly store: PredictionStore;
  /** The events that it has reported. */
  readonly problems: readonly string[];
  /** Inverts a bit in the middle of a prediction's blocks, behind the store's back. */
  damage(id: string): Promise<void>;
  /** The same store, opened once more. */
  reopen(): Promise<StoreUnderTest>;
}

const OTHER = 'ffffffffffffffff';

/** The n-th prediction as somebody else has made it: other bits under the same id. */
const otherPrediction = (n: number) => ({
  ...samplePrediction(n, { generation: OTHER }),
  tensors: samplePrediction(n + 1000).tensors,
});

/** Tests that every store must pass. `open` returns an empty store with room for `maxBytes`. */
export function storeContract(open: (maxBytes?: number) => Promise<StoreUnderTest>): void {
  describe('a stored prediction', () => {
    it('has the record, the graph and every bit of every block, also if the store is opened later', async () => {
      const first = await open();
      const kerasModel = { class_name: 'Sequential' };
      const prediction = { ...samplePrediction(1), architecture: fixtureGraph('resnet50'), kerasModel };
      expect(await first.store.save(prediction)).toBe('mine');
      for (const { store } of [first, await first.reopen()]) {
        expect(await store.record(idOf(1))).toEqual(prediction.record);
        expect(await store.architecture(idOf(1))).toEqual(prediction.architecture);
        expect(await store.kerasModel(idOf(1))).toEqual(kerasModel);
        const stored = (await store.open(idOf(1)))!;
        expect(stored.record).toEqual(prediction.record);
        expect(stored.tensors.map(({ name, shape, blockShape }) => ({ name, shape, blockShape }))).toEqual(
          prediction.tensors.map(({ name, shape, blockShape }) => ({ name, shape, blockShape })),
        );
        expect(await digestsOf(stored)).toEqual(expectedDigests(prediction));
        stored.release();
      }
      expect(first.problems).toEqual([]);
    });

    it('can be read from any position to any other', async () => {
      const { store } = await open();
      await store.save(samplePrediction(1));
      const stored = (await store.open(idOf(1)))!;
      onTestFinished(() => stored.release());
      const { block } = samplePrediction(1).tensors[2];
      for (const [start, end] of [
        [0, 0],
        [0, 1],
        [32_766, 32_770],
        [250_000, 300_000],
        [299_999, 300_000],
      ]) {
        const values = await stored.tensors[2].readBlock(start, end);
        expect(new Uint32Array(values.slice().buffer)).toEqual(
          new Uint32Array(block.slice(start, end).buffer),
        );
      }
    });

    it('may have no tensors at all, and no Keras model', async () => {
      const { store } = await open();
      await store.save({ ...samplePrediction(1), tensors: [] });
      const stored = (await store.open(idOf(1)))!;
      expect(stored.tensors).toEqual([]);
      expect(await store.kerasModel(idOf(1))).toBeNull();
      stored.release();
    });

    it('is visible only once it is complete', async () => {
      const { store } = await open();
      let isSaved = false;
      const saving = store.save(samplePrediction(1)).finally(() => {
        isSaved = true;
      });
      while (!isSaved) {
        const { records } = await store.list({ limit: 10 });
        const stored = await store.open(idOf(1));
        // Every listed prediction can be read.
        if (records.length > 0) expect(stored).not.toBeNull();
        if (stored) expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(1)));
        stored?.release();
        await setImmediate();
      }
      await saving;
      expect((await store.list({ limit: 10 })).records).toEqual([sampleRecord(1)]);
    });

    it('is refused if its record could not be read again', async () => {
      const { store } = await open();
      const record = sampleRecord(1, { created_at: 'yesterday' });
      await expect(store.save({ ...samplePrediction(1), record })).rejects.toThrow('created_at');
      expect(await store.record(idOf(1))).toBeNull();
    });

    it.each(['a', 'A'.repeat(32), '0'.repeat(65), '../../etc/passwd', `${'0'.repeat(32)}/.`, '__proto__'])(
      'cannot have the id %j',
      async (id) => {
        const { store } = await open();
        const saving = store.save({ ...samplePrediction(1), record: sampleRecord(1, { id }) });
        await expect(saving).rejects.toThrow('is not an id');
        expect(await store.open(id)).toBeNull();
        expect(await store.record(id)).toBeNull();
        expect(await store.architecture(id)).toBeNull();
        expect(await store.remains(id)).toBeNull();
        expect(await store.delete(id)).toBe(false);
        expect(await store.amend({ id, generation: null }, () => ({ bytes: 1 }))).toBe(false);
      },
    );
  });

  describe('with several commits of one prediction', () => {
    it('the first is kept, and each writer gets its record', async () => {
      const { store, problems } = await open();
      expect(await store.save(samplePrediction(1))).toBe('mine');
      expect(await store.save(otherPrediction(1))).toBe('theirs');
      expect(await store.save(samplePrediction(1))).toBe('mine');
      expect(await store.record(idOf(1))).toEqual(sampleRecord(1));
      const stored = (await store.open(idOf(1)))!;
      expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(1)));
      stored.release();
      expect(problems).toEqual([]);
    });

    it('at the same time one is kept, complete, and takes up room once', async () => {
      const { store } = await open();
      const saved = await Promise.all([
        store.save(otherPrediction(1)),
        store.save(samplePrediction(1)),
        store.save(otherPrediction(1)),
      ]);
      const record = (await store.record(idOf(1)))!;
      const isOther = record.generation === OTHER;
      expect(saved).toEqual(isOther ? ['mine', 'theirs', 'mine'] : ['theirs', 'mine', 'theirs']);
      const stored = (await store.open(idOf(1)))!;
      expect(await digestsOf(stored)).toEqual(
        expectedDigests(isOther ? otherPrediction(1) : samplePrediction(1)),
      );
      stored.release();
      expect((await store.list({ limit: 10 })).records).toHaveLength(1);
    });

    it('an aborted one leaves nothing', async () => {
      const { store } = await open();
      const signal = AbortSignal.abort(new Error('not wanted'));
      await expect(store.save(samplePrediction(1), { signal })).rejects.toThrow('not wanted');
      const controller = new AbortController();
      const saving = store.save(predictionOf(2, 8 * 2 ** 20), { signal: controller.signal });
      controller.abort(new Error('not wanted any more'));
      await expect(saving).rejects.toThrow('not wanted any more');
      for (const n of [1, 2]) expect(await store.record(idOf(n))).toBeNull();
      expect(await store.usage()).toBe(0);
      expect(await store.save(samplePrediction(1))).toBe('mine');
    });
  });

  describe('amending a record', () => {
    it('replaces fields of the current record', async () => {
      const { store } = await open();
      await store.save(samplePrediction(1));
      const amended = await Promise.all([
        store.amend(versionOf(1), () => ({ digest: 'sha256:1234', bytes: 99 })),
        store.amend(versionOf(1), () => ({ device: 'cuda' })),
        ...[1, 2, 3].map(() =>
          store.amend(versionOf(1), ({ overflow }) => ({ overflow: (overflow ?? 0) + 1 })),
        ),
      ]);
      expect(amended).toEqual([true, true, true, true, true]);
      expect(await store.record(idOf(1))).toEqual(
        sampleRecord(1, { digest: 'sha256:1234', bytes: 99, device: 'cuda', overflow: 3 }),
      );
    });

    it('does not change another commit, and changes nothing if nothing is requested', async () => {
      const { store } = await open();
      await store.save(samplePrediction(1));
      expect(await store.amend({ id: idOf(1), generation: OTHER }, () => ({ bytes: 1 }))).toBe(false);
      expect(await store.amend(versionOf(1), () => null)).toBe(false);
      expect(await store.amend(versionOf(2), () => ({ bytes: 1 }))).toBe(false);
      await expect(store.amend(versionOf(1), () => ({ bytes: 0.5 }))).rejects.toThrow('bytes');
      expect(await store.record(idOf(1))).toEqual(sampleRecord(1));
      expect(await store.record(idOf(2))).toBeNull();
    });
  });

  describe('deleting a prediction', () => {
    it('removes it completely, once, and it can be saved again', async () => {
      const { store } = await open();
      await store.save(samplePrediction(1));
      const deleted = await Promise.all([store.delete(idOf(1)), store.delete(idOf(1))]);
      expect(deleted.filter(Boolean)).toHaveLength(1);
      expect(await store.record(idOf(1))).toBeNull();
      expect(await store.remains(idOf(1))).toBeNull();
      expect((await store.list({ limit: 10 })).records).toEqual([]);
      expect(await store.save(otherPrediction(1))).toBe('mine');
      const stored = (await store.open(idOf(1)))!;
      expect(await digestsOf(stored)).toEqual(expectedDigests(otherPrediction(1)));
      stored.release();
    });

    it('lets readers finish', async () => {
      const { store } = await open();
      await store.save(samplePrediction(1));
      const stored = (await store.open(idOf(1)))!;
      expect(await store.delete(idOf(1))).toBe(true);
      await store.save(otherPrediction(1));
      expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(1)));
      stored.release();
      stored.release();
    });
  });

  describe('the list of predictions', () => {
    it('has the newest first, in pages that together are complete', async () => {
      const { store } = await open();
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

    it('continues after the same prediction when others are added and it is deleted', async () => {
      const { store } = await open();
      for (let n = 1; n <= 4; n++) await store.save(predictionOf(n, 100));
      const { nextCursor } = await store.list({ limit: 2 });
      await store.save(predictionOf(5, 100));
      await store.delete(idOf(3));
      const { records } = await store.list({ limit: 2, cursor: nextCursor! });
      expect(records.map(({ id }) => numberOf(id))).toEqual([2, 1]);
    });

    it('has shorter pages if records are large', async () => {
      const { store } = await open();
      for (let n = 1; n <= 9; n++) await store.save({ ...predictionOf(n, 100), record: largeRecord(n) });
      const listed: number[] = [];
      let pages = 0;
      let cursor: string | undefined;
      do {
        const { records, nextCursor } = await store.list({ limit: 100, cursor });
        listed.push(...records.map(({ id }) => numberOf(id)));
        cursor = nextCursor ?? undefined;
        pages++;
      } while (cursor);
      expect(listed).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
      expect(pages).toBeGreaterThan(1);
    });

    it('can be filtered by architecture, GHN and status', async () => {
      const { store } = await open();
      const architecture = { ...sampleRecord(0).architecture, name: 'resnet50' };
      await store.save(samplePrediction(1));
      await store.save(samplePrediction(2, { architecture }));
      await store.save(samplePrediction(3, { architecture, ghn: { id: 'ghn2', digest: 'sha256:1' } }));
      const listed = async (filter: object) =>
        (await store.list({ limit: 10, ...filter })).records.map(({ id }) => numberOf(id));
      expect(await listed({ architecture: 'resnet50' })).toEqual([3, 2]);
      expect(await listed({ ghn: 'ghn3-tiny' })).toEqual([2, 1]);
      expect(await listed({ status: 'succeeded', ghn: 'ghn3-tiny', architecture: 'tiny' })).toEqual([1]);
      expect(await listed({ status: 'failed' })).toEqual([]);
      // A page that the filter leaves empty ends the list only where nothing follows.
      expect(await listed({ architecture: 'tiny', limit: 1 })).toEqual([1]);
    });

    it.each(['', 'x', 'MTIz', Buffer.from(`1.${'0'.repeat(32)}x`).toString('base64url'), '0'.repeat(60)])(
      'rejects the cursor %j',
      async (cursor) => {
        const { store } = await open();
        await expect(store.list({ limit: 1, cursor })).rejects.toThrow(BadCursorError);
      },
    );
  });

  describe('a prediction with corrupt bytes', () => {
    it('is not served, is reported, and can be made again from its remains', async () => {
      const { store, problems, damage } = await open();
      const { record, architecture } = samplePrediction(1);
      await store.save(samplePrediction(1));
      expect(await store.remains(idOf(1))).toBeNull();
      await damage(idOf(1));
      const stored = (await store.open(idOf(1)))!;
      const reads = stored.tensors.map(async ({ blockShape, readBlock }) =>
        readBlock(
          0,
          blockShape.reduce((product, size) => product * size),
        ),
      );
      const failed = (await Promise.allSettled(reads)).filter(({ status }) => status === 'rejected');
      expect(failed).toEqual([{ status: 'rejected', reason: expect.any(StoreCorruptError) }]);
      await expect.poll(() => store.record(idOf(1))).toBeNull();
      expect(problems).toHaveLength(1);
      expect(await store.open(idOf(1))).toBeNull();
      expect((await store.list({ limit: 10 })).records).toEqual([]);
      expect(await store.remains(idOf(1))).toMatchObject({ record, architecture });
      expect(await store.save(samplePrediction(1, { generation: OTHER }))).toBe('mine');
      expect(await store.remains(idOf(1))).toBeNull();
      const again = (await store.open(idOf(1)))!;
      expect(again.record.generation).toBe(OTHER);
      expect(await digestsOf(again)).toEqual(expectedDigests(samplePrediction(1)));
      again.release();
      stored.release();
    });

    it('leaves remains that can be deleted', async () => {
      const { store, damage } = await open();
      await store.save(samplePrediction(1));
      await damage(idOf(1));
      const stored = (await store.open(idOf(1)))!;
      await Promise.allSettled(stored.tensors.map(async ({ readBlock }) => readBlock(0, 3)));
      await Promise.allSettled([stored.tensors[2].readBlock(0, 300_000)]);
      stored.release();
      await expect.poll(() => store.remains(idOf(1))).not.toBeNull();
      expect(await store.delete(idOf(1))).toBe(true);
      expect(await store.remains(idOf(1))).toBeNull();
      expect(await store.delete(idOf(1))).toBe(false);
    });

    it('can be distinguished from its replacement', async () => {
      const { store } = await open();
      await store.save(samplePrediction(1));
      const stored = (await store.open(idOf(1)))!;
      const { tensors } = samplePrediction(1);
      expect(await store.checksums(tensors)).toBe(stored.checksums);
      expect(await store.checksums(otherPrediction(1).tensors)).not.toBe(stored.checksums);
      stored.release();
    });
  });

  describe('a store that is full', () => {
    /** Room for three predictions of this size, and not for four. */
    const SIZE = 100_000;
    const ROOM = 3.5 * SIZE;
    const listed = async (store: PredictionStore) =>
      (await store.list({ limit: 100 })).records.map(({ id }) => numberOf(id)).sort();

    it('evicts the least recently used predictions, and never exceeds its limit', async () => {
      const { store } = await open(ROOM);
      for (const n of [1, 2, 3]) await store.save(predictionOf(n, SIZE));
      (await store.open(idOf(1)))!.release();
      await store.save(predictionOf(4, SIZE));
      expect(await listed(store)).toEqual([1, 3, 4]);
      expect(await store.usage()).toBeLessThanOrEqual(ROOM);
      await store.save(predictionOf(5, 2 * SIZE));
      expect(await listed(store)).toEqual([4, 5]);
      expect(await store.usage()).toBeLessThanOrEqual(ROOM);
    });

    it('refuses a prediction larger than its limit, and evicts nothing for it', async () => {
      const { store } = await open(ROOM);
      await store.save(predictionOf(1, SIZE));
      await expect(store.save(predictionOf(2, 4 * SIZE))).rejects.toThrow('more than the');
      expect(await listed(store)).toEqual([1]);
    });
  });

  describe('a store', () => {
    it('reports that it works', async () => {
      const { store } = await open();
      await store.probe();
      expect(await store.usage()).toBe(0);
      await store.save({ ...samplePrediction(1), architecture: tinyGraph() });
      expect(await store.usage()).toBeGreaterThan(1_200_000);
    });
  });
}
