import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PredictionView } from '../../../src/routes/predictions/view.js';
import { fixtureGraph } from '../../architecture/fixtures.js';
import { bytesOf, metric, post } from '../../helpers/http.js';
import { kerasFixture } from '../../helpers/keras.js';
import { expectProblem } from '../../helpers/problems.js';
import { checkpointFile, holdEngine, startService, type TestService } from '../../helpers/service.js';
import { flipBitOf } from '../../store/directory/setup.js';

/** So many predictions with their digests take a while on a busy machine. */
const HOOK_MS = 300_000;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Blocks of less than 8 MB, which are verified before an answer begins. */
const small = (seed: number) => ({ architecture: fixtureGraph('mobilenet_v3_small-10'), seed });

/** Blocks of 45 MB, which are verified while the answer is sent. */
const large = (seed: number) => ({
  architecture: fixtureGraph('resnet18-10'),
  postprocess: { noise: 0.1, seed },
});

const keras = { architecture: { keras: kerasFixture('sequential.keras3').model } };

const TENSOR = 'classifier.3.weight';

/** Ways to read a stored prediction: the rest of the path, and headers. */
const READS: Readonly<Record<string, readonly [path: string, headers?: Record<string, string>]>> = {
  'the weights': ['/weights'],
  'a range of them': ['/weights', { range: 'bytes=5000-1000000' }],
  'several ranges': ['/weights', { range: 'bytes=0-99,4000000-' }],
  'some tensors': ['/weights?tensors=classifier.*'],
  'one rank’s slice': ['/weights?rank=1&world_size=3'],
  'another type and format': ['/weights?format=npz&dtype=F16'],
  'one tensor': [`/tensors/${TENSOR}`],
};

let folder: string;
/** Addresses and bodies by name, as a service with an intact disk has answered. */
const addresses = new Map<string, string>();
const expected = new Map<string, string>();

/** Tries again while the service, which shares this process with the test, is overloaded. */
async function patiently(ask: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const response = await ask();
    if (response.status !== 503) return response;
    await response.arrayBuffer();
    await setTimeout(200);
  }
}

const get = (url: string, headers: Record<string, string> = {}) => patiently(() => fetch(url, { headers }));
const getJson = async <T>(url: string) => (await (await get(url)).json()) as T;

/** Returns the parts of a problem that are compared. */
const problemIn = async (response: Response) => ({
  status: response.status,
  headers: Object.fromEntries(response.headers),
  body: (await response.json()) as unknown,
});

/** Returns the body. The boundary between several ranges is removed, because it is random. */
async function read(url: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await get(url, headers);
  const bytes = await bytesOf(response);
  const boundary = /boundary=(.+)/.exec(response.headers.get('content-type') ?? '')?.[1];
  if (boundary === undefined) return sha256(bytes);
  return sha256(Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll(boundary, ''), 'latin1'));
}

/** Starts a service that has no predictions in memory yet. */
const start = (settings: Record<string, string> = {}) => startService({ STORE: folder, ...settings });

const idIn = (address: string) => address.split('/').at(-1)!;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-corrupt-'));
  const service = await start();
  const make = async (name: string, body: object) => {
    const response = await patiently(() => post(service.url, body));
    await bytesOf(response);
    const path = response.headers.get('location')!;
    const url = `${service.url}${path}`;
    addresses.set(name, path);
    // Waits for its digest, so that nothing is left to read when the service is idle.
    expected.set(name, (await getJson<PredictionView>(url)).digest!.replace('sha256:', ''));
    return url;
  };
  let seed = 0;
  for (const [name, [path, headers]] of Object.entries(READS)) {
    const url = await make(name, small(seed++));
    expected.set(name, await read(url + path, headers));
  }
  for (const name of ['posted', 'begun', 'statistics', 'record', 'gone', 'deleted', 'manifest']) {
    await make(name, small(seed++));
  }
  for (const name of ['in the midst', 'cut off', 'shared']) await make(name, large(seed++));
  const model = await make('keras', keras);
  const { weightsManifest } = await getJson<{ weightsManifest: { paths: string[] }[] }>(
    `${model}/tfjs/model.json`,
  );
  for (const path of weightsManifest.flatMap(({ paths }) => paths)) {
    expected.set(`keras/${path}`, await read(`${model}/tfjs/${path}`));
  }
  await service.stop();
  for (const address of addresses.values()) {
    await flipBitOf(folder, idIn(address), 'blocks.bin', 0.9);
  }
}, HOOK_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('after a bit of a stored prediction has flipped', () => {
  let service: TestService;
  const at = (name: string) => `${service.url}${addresses.get(name)}`;
  const remade = () => metric(service.url, 'ghn_serve_store_remade_total');
  /** Reads corrupt data until it is being computed again. The answer is still pending. */
  const beginRemaking = async (name: string) => {
    const before = await remade();
    for (;;) {
      let isOver = false;
      const answer = fetch(`${at(name)}/weights`).finally(() => {
        isOver = true;
      });
      while (!isOver && (await remade()) === before) await setTimeout(20);
      if ((await remade()) > before) return { answer };
    }
  };
  beforeAll(async () => {
    service = await start();
  });
  afterAll(() => service.stop());

  it.each(Object.keys(READS))(
    '%s has its original bytes, and the prediction is intact again',
    async (name) => {
      const [path, headers] = READS[name]!;
      const before = await remade();
      expect(await read(at(name) + path, headers)).toBe(expected.get(name));
      expect(await remade()).toBe(before + 1);
      const record = await getJson<PredictionView>(at(name));
      expect(record).toMatchObject({ status: 'succeeded', error: null });
      expect(await read(`${at(name)}/weights`)).toBe(record.digest!.replace('sha256:', ''));
      expect(await read(at(name) + path, headers)).toBe(expected.get(name));
      expect(await remade()).toBe(before + 1);
    },
  );

  it('a client that POSTs the same request gets the correct bytes', async () => {
    const seed = [...addresses.keys()].indexOf('posted');
    const response = await patiently(() => post(service.url, small(seed)));
    expect(response.headers.get('location')).toBe(addresses.get('posted'));
    expect(sha256(await bytesOf(response))).toBe(expected.get('posted'));
  });

  it('the statistics are those of the correct bytes', async () => {
    const { network } = await getJson<{ network: object }>(`${at('statistics')}/statistics`);
    const { statistics } = await getJson<PredictionView>(at('statistics'));
    expect(network).toEqual(statistics);
  });

  it('corrupt bytes inside an answer are replaced by the correct ones', async () => {
    expect(await read(`${at('in the midst')}/weights`)).toBe(expected.get('in the midst'));
    expect(await getJson(at('in the midst'))).toMatchObject({
      digest: `sha256:${expected.get('in the midst')}`,
    });
  });

  it('many readers share one computation', async () => {
    const before = await remade();
    const digests = await Promise.all(Array.from({ length: 4 }, () => read(`${at('shared')}/weights`)));
    expect(new Set(digests)).toEqual(new Set([expected.get('shared')]));
    expect(await remade()).toBe(before + 1);
  });

  it('TensorFlow.js gets the original model', async () => {
    for (const [name, digest] of expected) {
      if (!name.startsWith('keras/')) continue;
      expect(await read(`${at('keras')}/tfjs/${name.slice('keras/'.length)}`)).toBe(digest);
    }
  });

  it('the manifest with the positions of blocks is not needed', async () => {
    await flipBitOf(folder, idIn(addresses.get('manifest')!), 'manifest.json');
    expect(await read(`${at('manifest')}/weights`)).toBe(expected.get('manifest'));
  });

  it('nothing remains if it is deleted while it is being made again', async () => {
    const release = holdEngine(service);
    const { answer } = await beginRemaking('deleted');
    expect((await request(service.url).delete(addresses.get('deleted')!)).status).toBe(204);
    release();
    expectProblem(await problemIn(await answer), 409, { detail: 'the prediction was cancelled' });
    expect((await get(`${at('deleted')}/weights`)).status).toBe(409);
  });

  it('the end of the engine gives clients that wait a 503, and the next the correct bytes', async () => {
    const release = holdEngine(service);
    const { answer } = await beginRemaking('begun');
    process.kill(service.service.predictor.pid!, 'SIGKILL');
    release();
    const { headers, status } = await answer;
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    await expect.poll(async () => (await fetch(`${service.url}/readyz`)).status).toBe(200);
    expect(await read(`${at('begun')}/weights`)).toBe(expected.get('begun'));
  });
});

describe('if its GHN is no longer loaded', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await start({ GHN_CHECKPOINTS: checkpointFile('ghn2-nano.pt') });
  });
  afterAll(() => service.stop());

  it('a corrupt prediction is 404, with the reason and a remedy', async () => {
    const address = addresses.get('gone')!;
    for (const path of ['/weights', '/weights', '/statistics', '']) {
      expectProblem(await problemIn(await get(service.url + address + path)), 404, {
        detail: /found corrupt in the store and removed.*ghn3-nano.*Send the request again/,
      });
    }
    const { predictions } = await getJson<{ predictions: PredictionView[] }>(
      `${service.url}/predictions?limit=1000`,
    );
    expect(predictions.map(({ links }) => links.self)).not.toContain(address);
  });

  it('an answer that has begun is cut off, and never too short or wrong', async () => {
    const response = await get(`${service.url}${addresses.get('cut off')}/weights`);
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow('terminated');
  });
});
