import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ObjectBucket } from '../../../src/store/s3/bucket.js';
import { MARKER } from '../../../src/store/s3/keys.js';
import { S3Store } from '../../../src/store/s3/s3-store.js';
import type { PredictionStore } from '../../../src/store/store.js';
import {
  digestsOf,
  expectedDigests,
  idOf,
  numberOf,
  predictionOf,
  samplePrediction,
  versionOf,
} from '../samples.js';
import { type Fate, type S3Proxy, startProxy } from './proxy.js';
import { BUCKET, NO_SERVER, type S3Server, startS3 } from './server.js';

/** Large enough for every prediction of the tests. */
const WHOLE = 2 * 2 ** 20;

const OTHER = 'ffffffffffffffff';
/** Later than anything is left for. */
const LATER = () => Date.now() + 24 * 3_600_000;

describe.skipIf(NO_SERVER)(`publishing to a bucket${NO_SERVER ? ` (${NO_SERVER})` : ''}`, () => {
  let server: S3Server;
  let proxy: S3Proxy;
  let prefix = '';
  let count = 0;
  beforeAll(async () => {
    server = await startS3();
    proxy = await startProxy(server.port);
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });
  beforeEach(() => {
    prefix = `p${++count}/`;
    proxy.decide(() => 'answered');
  });

  /** A service's store, on the direct way or on that on which things get lost. */
  async function storeAt(endpoint: string, maxBytes = 1e9, wholeBytes = 0) {
    const problems: Error[] = [];
    const store = await S3Store.open(
      { bucket: BUCKET, prefix, endpoint },
      { maxBytes, wholeBytes, onProblem: (problem) => problems.push(problem) },
    );
    onTestFinished(() => store.close());
    return { store, problems };
  }

  /** Every key of the store but its mark. */
  async function objects(): Promise<string[]> {
    const bucket = new ObjectBucket({ bucket: BUCKET, prefix, endpoint: server.endpoint });
    const keys: string[] = [];
    for await (const { key } of bucket.all('')) if (key !== MARKER) keys.push(key);
    bucket.close();
    return keys;
  }

  /** Returns the listed predictions, and checks that each is complete. */
  async function listed(store: PredictionStore): Promise<number[]> {
    const { records } = await store.list({ limit: 100 });
    for (const { id } of records) {
      const stored = (await store.open(id))!;
      expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(numberOf(id))));
      stored.release();
    }
    return records.map(({ id }) => numberOf(id));
  }

  it('takes the expected number of requests', async () => {
    const { store } = await storeAt(proxy.endpoint);
    proxy.decide(() => 'answered');
    await store.save(samplePrediction(1));
    const kinds = proxy.requests.map((what) =>
      what.replace(/^(\w+) ([a-z]+).*?([a-z]*)(\.json)?$/, '$1 $2 $3'),
    );
    expect(kinds).toEqual([
      'GET records ',
      expect.stringMatching(/^PUT unfinished/),
      ...['GET ', 'GET ', 'GET ', 'GET '],
      'PUT attempts blocks',
      'PUT attempts meta',
      expect.stringMatching(/^PUT records/),
      expect.stringMatching(/^PUT index/),
      expect.stringMatching(/^DELETE unfinished/),
    ]);
  });

  it('of a small one takes two requests at the same time, and reading it takes one', async () => {
    const { store } = await storeAt(proxy.endpoint, 1e9, WHOLE);
    proxy.decide(() => 'answered');
    await store.save(samplePrediction(1));
    const first = proxy.requests.map((what) => what.replace(/\/.*$/, ''));
    expect(first.slice(0, 5).sort()).toEqual([...Array(4).fill('GET '), 'PUT allotments']);
    expect(first.slice(5).sort()).toEqual(['PUT index', 'PUT records']);
    proxy.decide(() => 'answered');
    await store.save(samplePrediction(2));
    expect(proxy.requests.map((what) => what.replace(/\/.*$/, '')).sort()).toEqual([
      'PUT index',
      'PUT records',
    ]);
    const { store: reader } = await storeAt(proxy.endpoint);
    proxy.decide(() => 'answered');
    const stored = (await reader.open(idOf(2)))!;
    expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(2)));
    stored.release();
    expect(proxy.requests.filter((what) => what.startsWith('GET'))).toHaveLength(1);
    expect(await reader.architecture(idOf(2))).toEqual(samplePrediction(2).architecture);
  });

  it('of a small one is listed by a sweep if its writer died between commit and list, or before the commit', async () => {
    const { store: reader } = await storeAt(server.endpoint, 1e9, WHOLE);
    for (const [n, lost] of ['PUT index', 'PUT records'].entries()) {
      proxy.decide(() => 'answered');
      const { store: writer } = await storeAt(proxy.endpoint, 1e9, WHOLE);
      proxy.decide((_, what) => (what.startsWith(lost) ? 'lost' : 'answered'));
      const outcome = await writer.save(samplePrediction(n)).catch((error: Error) => error.message);
      expect(outcome).toEqual(n === 0 ? 'mine' : expect.stringContaining('cannot be reached'));
      proxy.decide(() => 'lost');
    }
    expect(await listed(reader)).toEqual([]);
    expect((await objects()).filter((key) => key.startsWith('index'))).toHaveLength(1);
    proxy.decide(() => 'answered');
    await reader.sweep(LATER());
    expect(await listed(reader)).toEqual([0]);
    expect((await objects()).filter((key) => key.startsWith('index'))).toHaveLength(1);
    expect((await objects()).filter((key) => key.startsWith('allotments'))).toEqual([]);
  });

  it('of a small one that cannot be listed is listed by the next sweep of its writer', async () => {
    const { store } = await storeAt(proxy.endpoint, 1e9, WHOLE);
    proxy.decide((_, what) => (what.startsWith('PUT index') ? 'lost' : 'answered'));
    expect(await store.save(samplePrediction(1))).toBe('mine');
    expect(await listed(store)).toEqual([]);
    proxy.decide(() => 'answered');
    await store.sweep();
    expect(await listed(store)).toEqual([1]);
  });

  it.each([0, WHOLE])(
    'of up to %i bytes in one object leaves no partial prediction wherever the writer dies, and what remains is completed or removed',
    async (whole) => {
      const { store: reader } = await storeAt(server.endpoint, 1e9, whole);
      let isLast = false;
      for (let point = 0; !isLast; point++) {
        const { store: writer } = await storeAt(proxy.endpoint, 1e9, whole);
        // From here on nothing of it reaches the bucket, as if it had been killed.
        proxy.decide((number) => (number < point ? 'answered' : 'lost'));
        const outcome = await writer.save(samplePrediction(1)).catch((error: Error) => error);
        isLast = proxy.requests.length <= point;
        proxy.decide(() => 'lost');
        if (isLast) expect(outcome).toBe('mine');
        const seen = await listed(reader);
        expect([[], [1]]).toContainEqual(seen);
        // Committed or not, the next save has it stored and listed.
        const saved = await reader.save(samplePrediction(1, { generation: OTHER }));
        const record = await reader.record(idOf(1));
        expect(saved).toBe(record!.generation === OTHER ? 'mine' : 'theirs');
        expect(await listed(reader)).toEqual([1]);
        await reader.delete(idOf(1));
        proxy.decide(() => 'answered');
        await reader.sweep(LATER());
        expect(await objects()).toEqual([]);
        expect(await reader.usage()).toBe(0);
      }
    },
  );

  it('is completed by a sweep if the writer died after its commit', async () => {
    const { store: reader } = await storeAt(server.endpoint);
    const { store: writer } = await storeAt(proxy.endpoint);
    proxy.decide((_, what) => (what.startsWith('PUT index') ? 'lost' : 'answered'));
    await expect(writer.save(samplePrediction(1))).rejects.toThrow('cannot be reached');
    expect(await listed(reader)).toEqual([]);
    expect(await reader.record(idOf(1))).toMatchObject({ generation: versionOf(1).generation });
    await reader.sweep(LATER());
    expect(await listed(reader)).toEqual([1]);
    expect((await objects()).some((key) => key.startsWith('unfinished'))).toBe(false);
  });

  it.each([
    ...['PUT records', 'PUT index', 'PUT attempts', 'PUT unfinished', 'DELETE unfinished', 'GET records'].map(
      (which) => [which, 0] as const,
    ),
    ['PUT records', WHOLE] as const,
    ['PUT index', WHOLE] as const,
  ])(
    'has the same result if the answer to %s is lost repeatedly (up to %i bytes in one object)',
    async (which, whole) => {
      const { store } = await storeAt(proxy.endpoint, 1e9, whole);
      for (const times of [1, 2]) {
        let lost = 0;
        proxy.decide(
          (_, what): Fate => (what.startsWith(which) && lost++ < times ? 'answer lost' : 'answered'),
        );
        expect(await store.save(samplePrediction(times))).toBe('mine');
        expect(lost).toBeGreaterThanOrEqual(times);
        expect(await store.record(idOf(times))).toMatchObject(versionOf(times));
      }
      proxy.decide(() => 'answered');
      expect(await listed(store)).toEqual([2, 1]);
    },
  );

  it.each([0, WHOLE])(
    'of up to %i bytes in one object by many services at once has one complete commit, however different their bits',
    async (whole) => {
      const services = await Promise.all(
        Array.from({ length: 4 }, () => storeAt(server.endpoint, 1e9, whole)),
      );
      for (let n = 1; n <= 5; n++) {
        const saved = await Promise.all(
          services.map(({ store }, k) =>
            store.save({
              ...samplePrediction(n, { generation: `${k}`.repeat(16) }),
              tensors: samplePrediction(n + 100 * k).tensors,
            }),
          ),
        );
        expect(saved.filter((whose) => whose === 'mine')).toHaveLength(1);
        const winner = saved.indexOf('mine');
        for (const { store } of services) {
          const stored = (await store.open(idOf(n)))!;
          expect(stored.record.generation).toBe(`${winner}`.repeat(16));
          expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(n + 100 * winner)));
          stored.release();
        }
      }
      const attempts = (await objects()).filter((key) => key.endsWith('blocks'));
      expect(attempts).toHaveLength(whole ? 0 : 5);
      expect((await objects()).filter((key) => key.startsWith('index'))).toHaveLength(5);
      expect(services.flatMap(({ problems }) => problems)).toEqual([]);
    },
  );

  it('by many services never exceeds the limit, and no download breaks', async () => {
    const SIZE = 2 ** 20;
    const room = 8 * SIZE;
    const services = await Promise.all([1, 2, 3].map(() => storeAt(server.endpoint, room)));
    const one = predictionOf(0, SIZE);
    await services[0].store.save(one);
    const reading = (await services[1].store.open(idOf(0)))!;
    let most = 0;
    const writers = services.map(async ({ store }, k) => {
      for (let n = 1; n <= 6; n++) {
        await store.save(predictionOf(10 * (k + 1) + n, SIZE)).catch((error: Error) => {
          expect(error.message).toContain('full of predictions');
        });
        const stored = (await objects()).filter((key) => key.endsWith('/blocks'));
        most = Math.max(most, stored.length * SIZE);
      }
    });
    await Promise.all(writers);
    expect(most).toBeGreaterThan(room / 2);
    expect(most).toBeLessThanOrEqual(room);
    expect(await digestsOf(reading)).toEqual(expectedDigests(one));
    reading.release();
  });

  it('of a prediction of many parts has every bit, and any part of it can be read', async () => {
    const { store } = await storeAt(server.endpoint);
    const large = predictionOf(1, 40 * 2 ** 20);
    await store.save(large);
    const stored = (await store.open(idOf(1)))!;
    expect(await digestsOf(stored)).toEqual(expectedDigests(large));
    const [tensor] = stored.tensors;
    const size = tensor.shape[0];
    const part = await tensor.readBlock(size - 100, size);
    expect(Buffer.from(part.slice().buffer)).toEqual(
      Buffer.from(large.tensors[0].block.slice(size - 100).buffer),
    );
    stored.release();
  });

  it('reports what is wrong with a foreign bucket, and does not change it', async () => {
    await mkdir(join(server.folder, prefix), { recursive: true });
    await writeFile(join(server.folder, prefix, 'holiday.jpg'), 'sea');
    await expect(storeAt(server.endpoint)).rejects.toThrow(
      /holds something that is not a store .*holiday\.jpg/,
    );
    expect(await objects()).toEqual(['holiday.jpg']);
    const nowhere = S3Store.open(
      { bucket: 'not-there', prefix, endpoint: server.endpoint },
      { maxBytes: 1e9 },
    );
    await expect(nowhere).rejects.toThrow(/there is no bucket "not-there" on .*: create it/);
  });
});
