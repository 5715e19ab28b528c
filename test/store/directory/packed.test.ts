import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { StoreCorruptError } from '../../../src/store/store.js';
import { tinyGraph } from '../../architecture/fixtures.js';
import {
  digestsOf,
  expectedDigests,
  idOf,
  predictionOf,
  sampleRecord,
  sampleTensor,
  versionOf,
} from '../samples.js';
import { flipBit, flipBitOf, openStore, temporaryDirectory, unpack } from './setup.js';

const pathOf = (directory: string) => join(directory, 'predictions', idOf(1));

const prediction = (n = 1) => ({
  record: sampleRecord(n),
  architecture: tinyGraph(),
  kerasModel: { class_name: 'Sequential' },
  tensors: [
    sampleTensor('conv1.weight', [64, 3, 7, 7], [16, 3, 7, 7], n),
    sampleTensor('bn1.weight', [64], [3], n + 1),
  ],
});

async function expectWhole(store: Awaited<ReturnType<typeof openStore>>['store'], record = sampleRecord(1)) {
  expect(await store.record(idOf(1))).toEqual(record);
  expect(await store.architecture(idOf(1))).toEqual(tinyGraph());
  expect(await store.kerasModel(idOf(1))).toEqual({ class_name: 'Sequential' });
  const stored = (await store.open(idOf(1)))!;
  expect(await digestsOf(stored)).toEqual(expectedDigests(prediction()));
  stored.release();
}

it('a small prediction is one file, and takes up what that takes up', async () => {
  const directory = await temporaryDirectory();
  const { store } = await openStore(directory);
  await store.save(prediction());
  expect(await store.usage()).toBe((await stat(pathOf(directory))).size);
  await expectWhole(store);
  await store.amend(versionOf(1), () => ({ digest: 'sha256:12' }));
  const again = await openStore(directory);
  expect(await again.store.usage()).toBe((await stat(pathOf(directory))).size);
  await expectWhole(again.store, sampleRecord(1, { digest: 'sha256:12' }));
  await again.store.delete(idOf(1));
  expect(await readdir(join(directory, 'predictions'))).toEqual([]);
  expect(again.problems).toEqual([]);
});

it('a small prediction that an earlier version stored as a folder is served, amended and deleted as one', async () => {
  const directory = await temporaryDirectory();
  const before = await openStore(directory);
  await before.store.save(prediction());
  await before.store.close();
  await unpack(directory, idOf(1));
  const { store, problems } = await openStore(directory);
  await expectWhole(store);
  await store.amend(versionOf(1), () => ({ digest: 'sha256:12' }));
  expect((await readdir(pathOf(directory))).length).toBe(4);
  await expectWhole(store, sampleRecord(1, { digest: 'sha256:12' }));
  expect(await store.save(prediction())).toBe('mine');
  await store.delete(idOf(1));
  expect(await readdir(join(directory, 'predictions'))).toEqual([]);
  expect(problems).toEqual([]);
});

it('whichever bit of a small prediction is wrong, nothing wrong is served, and it can be saved again', async () => {
  const directory = await temporaryDirectory();
  const { store } = await openStore(directory);
  await store.save(prediction());
  const { size } = await stat(pathOf(directory));
  const whole = await readFile(pathOf(directory));
  for (let position = 0; position < size; position += position < 60 ? 1 : 211) {
    await flipBit(pathOf(directory), position);
    const record = await store.record(idOf(1));
    expect([null, sampleRecord(1)], `record, byte ${position}`).toContainEqual(record);
    const graph = await store.architecture(idOf(1));
    expect([null, tinyGraph()], `graph, byte ${position}`).toContainEqual(graph);
    const stored = await store.open(idOf(1));
    if (stored) {
      const digests = await digestsOf(stored).catch((error: unknown) => error);
      if (digests instanceof Error) expect(digests).toBeInstanceOf(StoreCorruptError);
      else expect(digests).toEqual(expectedDigests(prediction()));
      stored.release();
    }
    await store.delete(idOf(1));
    await store.save(prediction());
    expect(await readFile(pathOf(directory)), `byte ${position}`).toEqual(whole);
  }
});

it('a small prediction whose graph alone is damaged is served without it', async () => {
  const directory = await temporaryDirectory();
  const first = await openStore(directory);
  await first.store.save(prediction());
  await flipBitOf(directory, idOf(1), 'architecture.json');
  for (const { store, problems } of [first, await openStore(directory)]) {
    expect(await store.architecture(idOf(1))).toBeNull();
    expect(problems).toEqual([expect.stringContaining('architecture.json')]);
    const stored = (await store.open(idOf(1)))!;
    expect(await digestsOf(stored)).toEqual(expectedDigests(prediction()));
    stored.release();
  }
});

it.each([0, 10, 30, 200, 2000, -1])(
  'a start removes and reports a small prediction that is cut: %d',
  async (cut) => {
    const directory = await temporaryDirectory();
    const before = await openStore(directory);
    await before.store.save(prediction());
    await before.store.save(prediction(2));
    const { size } = await stat(pathOf(directory));
    await truncate(pathOf(directory), cut < 0 ? size + cut : cut);
    const { store, problems } = await openStore(directory);
    expect(problems).toEqual([expect.stringContaining(idOf(1))]);
    expect((await store.list({ limit: 10 })).records.map(({ id }) => id)).toEqual([idOf(2)]);
    // A shorter rest does not show that it was a prediction.
    const isTold = cut >= 30 || cut < 0;
    expect(await readdir(join(directory, 'predictions'))).toEqual(isTold ? [idOf(2)] : [idOf(1), idOf(2)]);
  },
);

it('a file that is no prediction stays where a small one would be, which is not stored then', async () => {
  const directory = await temporaryDirectory();
  const before = await openStore(directory);
  await before.store.close();
  await mkdir(join(directory, 'predictions'), { recursive: true });
  await writeFile(pathOf(directory), 'notes of mine');
  const { store, problems } = await openStore(directory);
  expect(problems).toEqual([expect.stringContaining('left as it is')]);
  await expect(store.save(prediction())).rejects.toThrow('could not be stored');
  expect(await readFile(pathOf(directory), 'utf8')).toBe('notes of mine');
});

it('a small prediction of another life that a start could not read is found by its save, and kept', async () => {
  const directory = await temporaryDirectory();
  const elsewhere = await temporaryDirectory();
  const other = await openStore(elsewhere);
  await other.store.save(prediction());
  const { store } = await openStore(directory);
  await cp(pathOf(elsewhere), pathOf(directory));
  expect(await store.save({ ...prediction(), record: sampleRecord(1, { generation: '0'.repeat(16) }) })).toBe(
    'theirs',
  );
  await expectWhole(store);
});

it('a larger prediction is a folder', async () => {
  const directory = await temporaryDirectory();
  const { store } = await openStore(directory);
  await store.save(predictionOf(1, 300_000));
  expect((await readdir(pathOf(directory))).length).toBe(4);
  await rm(pathOf(directory), { recursive: true });
});
