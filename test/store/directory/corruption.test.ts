import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StoreCorruptError } from '../../../src/store/store.js';
import { tinyGraph } from '../../architecture/fixtures.js';
import { digestsOf, expectedDigests, idOf, predictionOf, samplePrediction } from '../samples.js';
import { flipBit, openStore, temporaryDirectory } from './setup.js';

const fileOf = (directory: string, name: string) => join(directory, 'predictions', idOf(1), name);

async function expectGoneAndSavedAgain(store: Awaited<ReturnType<typeof openStore>>['store']) {
  expect(await store.open(idOf(1))).toBeNull();
  expect((await store.list({ limit: 10 })).records).toEqual([]);
  await store.save(samplePrediction(1));
  const stored = (await store.open(idOf(1)))!;
  expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(1)));
  stored.release();
}

describe('a flipped bit', () => {
  it('of a block is not served: the read names the tensor, and the prediction is removed', async () => {
    const directory = await temporaryDirectory();
    const { store, problems } = await openStore(directory);
    await store.save(samplePrediction(1));
    await flipBit(fileOf(directory, 'blocks.bin'), 2 ** 20 + 5);
    const stored = (await store.open(idOf(1)))!;
    const [conv, , fc] = stored.tensors;
    await expect(conv.readBlock(0, 10)).resolves.toHaveLength(10);
    const reads = await Promise.allSettled([0, 1, 2].map(async () => fc.readBlock(0, 300_000)));
    for (const read of reads) {
      expect(read).toMatchObject({ status: 'rejected', reason: expect.any(StoreCorruptError) });
    }
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('fc.weight');
    // Its verified parts can still be read.
    expect(await fc.readBlock(0, 10)).toHaveLength(10);
    await expectGoneAndSavedAgain(store);
    stored.release();
  });

  it.each(['record.json', 'manifest.json'])('of %s is not served', async (file) => {
    const directory = await temporaryDirectory();
    const { store, problems } = await openStore(directory);
    await store.save(samplePrediction(1));
    await flipBit(fileOf(directory, file));
    expect(await store.open(idOf(1))).toBeNull();
    expect(problems).toEqual([expect.stringContaining(`${file} does not match its checksum`)]);
    await expectGoneAndSavedAgain(store);
  });

  it('of any byte of the JSON files is detected', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    for (const position of [0, 9, 10, 17, 18, 26, 27, 400]) {
      await store.save(samplePrediction(1));
      await flipBit(fileOf(directory, 'record.json'), position);
      expect(await store.record(idOf(1))).toBeNull();
    }
  });

  it('does not affect clients that have begun to read it when it was saved again', async () => {
    const directory = await temporaryDirectory();
    const { store, problems } = await openStore(directory);
    await store.save(predictionOf(1, 3 * 2 ** 20));
    const early = (await store.open(idOf(1)))!;
    await flipBit(fileOf(directory, 'blocks.bin'));
    await store.delete(idOf(1));
    await store.save(predictionOf(1, 3 * 2 ** 20));
    await expect(early.tensors[0].readBlock(0, 700_000)).rejects.toThrow(StoreCorruptError);
    early.release();
    expect(await store.record(idOf(1))).not.toBeNull();
    expect(problems).toEqual([]);
  });
});

describe('after a prediction was found corrupt', () => {
  it.each(['blocks.bin', 'manifest.json'])('its inputs remain: a flipped bit of %s', async (file) => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    const { record, architecture } = samplePrediction(1);
    const kerasModel = { class_name: 'Sequential' };
    await store.save({ ...samplePrediction(1), kerasModel });
    expect(await store.remains(idOf(1))).toBeNull();
    await flipBit(fileOf(directory, file), 100);
    const stored = await store.open(idOf(1));
    for (const { readBlock } of stored?.tensors ?? []) await Promise.allSettled([readBlock(0, 3)]);
    expect(await store.remains(idOf(1))).toEqual({ record, architecture, kerasModel });
    await store.save(samplePrediction(1));
    expect(await store.remains(idOf(1))).toBeNull();
    stored?.release();
  });

  it('the remains are found after a restart too, and can be deleted', async () => {
    const directory = await temporaryDirectory();
    const first = await openStore(directory);
    await first.store.save(samplePrediction(1));
    await truncate(fileOf(directory, 'blocks.bin'), 100);
    const { store } = await openStore(directory);
    expect(await store.record(idOf(1))).toBeNull();
    expect(await store.remains(idOf(1))).toMatchObject({ record: { id: idOf(1) } });
    expect(await store.delete(idOf(1))).toBe(true);
    expect(await store.remains(idOf(1))).toBeNull();
    expect(await store.delete(idOf(1))).toBe(false);
  });

  it.each(['record.json', 'architecture.json'])(
    'nothing remains if %s is corrupt as well as its blocks',
    async (file) => {
      const directory = await temporaryDirectory();
      const { store } = await openStore(directory);
      await store.save(samplePrediction(1));
      await truncate(fileOf(directory, 'blocks.bin'), 100);
      await flipBit(fileOf(directory, file));
      expect(await store.architecture(idOf(1))).toEqual(file === 'record.json' ? tinyGraph() : null);
      expect(await store.record(idOf(1))).toBeNull();
      expect(await store.remains(idOf(1))).toBeNull();
      expect(await store.delete(idOf(1))).toBe(false);
    },
  );

  it('a remade prediction can be compared with it, bit by bit', async () => {
    const { store } = await openStore(await temporaryDirectory());
    await store.save(samplePrediction(1));
    const stored = (await store.open(idOf(1)))!;
    const { tensors } = samplePrediction(1);
    expect(await store.checksums(tensors)).toBe(stored.checksums);
    new Uint32Array(tensors[2]!.block.buffer)[299_999]! ^= 1;
    expect(await store.checksums(tensors)).not.toBe(stored.checksums);
    stored.release();
  });
});

describe('a file that was cut while the prediction is open', () => {
  it('ends the read with an error that says so', async () => {
    const directory = await temporaryDirectory();
    const { store } = await openStore(directory);
    await store.save(samplePrediction(1));
    const stored = (await store.open(idOf(1)))!;
    await truncate(fileOf(directory, 'blocks.bin'), 1000);
    await expect(stored.tensors[0].readBlock(0, 10)).rejects.toThrow('the file ends at byte 1000');
    await expectGoneAndSavedAgain(store);
    stored.release();
  });
});

describe('a graph that is damaged', () => {
  const damages: Record<string, (path: string) => Promise<unknown>> = {
    'by a wrong bit': (path) => flipBit(path),
    'as it is cut': (path) => truncate(path, 100),
    'as it is gone': (path) => rm(path),
  };

  it.each(Object.keys(damages))('%s loses only the graph, also after a restart', async (damage) => {
    const directory = await temporaryDirectory();
    const kerasModel = { class_name: 'Sequential' };
    const first = await openStore(directory);
    await first.store.save({ ...samplePrediction(1), kerasModel });
    await damages[damage](fileOf(directory, 'architecture.json'));
    for (const { store, problems } of [first, await openStore(directory)]) {
      expect(await store.kerasModel(idOf(1))).toBeNull();
      expect(await store.architecture(idOf(1))).toBeNull();
      // Told once, however often it is asked for.
      expect(problems).toEqual([expect.stringContaining('architecture.json')]);
      const stored = (await store.open(idOf(1)))!;
      expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(1)));
      stored.release();
      expect(await store.record(idOf(1))).toEqual(samplePrediction(1).record);
    }
    await first.store.delete(idOf(1));
    await first.store.save({ ...samplePrediction(1), kerasModel });
    expect(await first.store.kerasModel(idOf(1))).toEqual(kerasModel);
  });
});

describe('a start', () => {
  const damages: Record<string, (directory: string) => Promise<unknown>> = {
    'a blocks file that is cut': (directory) => truncate(fileOf(directory, 'blocks.bin'), 100),
    'a record that is cut': (directory) => truncate(fileOf(directory, 'record.json'), 100),
    'an empty record': (directory) => truncate(fileOf(directory, 'record.json'), 0),
    'a record of one wrong bit': (directory) => flipBit(fileOf(directory, 'record.json')),
    'a record that is none': (directory) => writeFile(fileOf(directory, 'record.json'), '{}'),
    'no manifest': (directory) => rm(fileOf(directory, 'manifest.json')),
  };

  it.each(Object.keys(damages))('removes and reports a prediction with %s', async (damage) => {
    const directory = await temporaryDirectory();
    const first = await openStore(directory);
    await first.store.save(samplePrediction(1));
    await first.store.save(samplePrediction(2));
    await damages[damage](directory);
    const { store, problems } = await openStore(directory);
    expect(problems).toEqual([expect.stringContaining(idOf(1))]);
    expect((await store.list({ limit: 10 })).records.map(({ id }) => id)).toEqual([idOf(2)]);
    expect(await readdir(join(directory, 'predictions'))).toEqual([idOf(2)]);
    await store.delete(idOf(2));
    await expectGoneAndSavedAgain(store);
  });

  it('leaves foreign files alone', async () => {
    const directory = await temporaryDirectory();
    await (await openStore(directory)).store.close();
    await mkdir(join(directory, 'predictions', 'lost+found'), { recursive: true });
    const { store, problems } = await openStore(directory);
    expect(problems).toEqual([]);
    expect((await store.list({ limit: 10 })).records).toEqual([]);
    expect(await readdir(join(directory, 'predictions'))).toEqual(['lost+found']);
  });

  it('is refused if the directory cannot be a store', async () => {
    const directory = await temporaryDirectory();
    const path = join(directory, 'file');
    await writeFile(path, '');
    await expect(openStore(path)).rejects.toThrow('needs a directory that it may write to');
  });
});
