import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PredictionRecord } from '../../src/predictions/record.js';
import { digestOf, getJson, getRecord, network, type PredictBody, post } from './prediction.js';
import { times } from './proof.js';
import { ServiceProcess } from './service-process.js';

const KILLS = times('PROOF_KILLS', 10, 100);

/** Predictions asked for before each kill: their computations and their writes overlap. */
const AT_ONCE = 8;

/** A few rounds' predictions, 3 MB each: old ones are evicted while new ones are written. */
const STORE_MAX_BYTES = String(60e6);

/** A restart takes seconds on a busy machine. */
const TIMEOUT_MS = 60_000 + KILLS * 60_000;

const architecture = network('squeezenet1_1-10');

/** Its bytes differ with the seed, and are stored as they are: what is post-processed is not tiled. */
const request = (seed: number): PredictBody => ({ architecture, postprocess: { noise: 0.1, seed } });

let folder: string;
let service: ServiceProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-crashes-'));
});

afterAll(async () => {
  await service.kill();
  await rm(folder, { recursive: true });
});

it(
  `all listed predictions are whole after each of ${KILLS} SIGKILLs during predictions and writes`,
  async ({ annotate }) => {
    const store = join(folder, 'killed');
    const start = async () => {
      service = await ServiceProcess.start(store, { STORE_MAX_BYTES });
    };
    const answers = new Answers();
    const listed = new Map<string, PredictionRecord>();
    let seed = 0;
    const batch = () => Array.from({ length: AT_ONCE }, () => answers.ask(service.url, request(seed++)));

    await start();
    await Promise.all(batch());
    const begun = performance.now();
    await Promise.all(batch());
    for (const { id } of await list(service.url)) await getRecord(`${service.url}/predictions/${id}`);
    const batchMilliseconds = performance.now() - begun;

    let unfinished = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const work = Promise.allSettled(batch());
      await setTimeout(Math.random() * batchMilliseconds);
      await service.kill();
      await work;
      unfinished += (await readdir(join(store, 'unfinished'))).length;
      await start();
      const records = await list(service.url);
      await expectNothingElse(store, records);
      for (const { id } of records) {
        const record = await expectWhole(`${service.url}/predictions/${id}`);
        answers.expectSame(record);
        listed.set(id, record);
      }
    }
    await service.stop();
    expect(listed.size).toBeGreaterThan(KILLS);

    // Of those whose clients never had the whole answer, what a service that nobody kills says.
    const unanswered = [...listed.values()].filter(({ id }) => !answers.has(id));
    service = await ServiceProcess.start(join(folder, 'undisturbed'));
    for (const record of unanswered) {
      await answers.ask(service.url, request(record.request.postprocess!.seed));
      answers.expectSame(record);
    }
    await annotate(
      `${KILLS} kills left ${unfinished} unfinished writes; ${listed.size} predictions were listed and whole, ` +
        `${unanswered.length} of them without their clients having had the answer`,
    );
  },
  TIMEOUT_MS,
);

/** The digests of the bodies that clients got whole. */
class Answers {
  readonly #digests = new Map<string, string>();

  async ask(url: string, body: PredictBody): Promise<void> {
    const response = await post(url, body);
    expect(response.status).toBe(200);
    const id = response.headers.get('location')!.split('/').at(-1)!;
    this.#digests.set(id, await digestOf(response));
  }

  has(id: string): boolean {
    return this.#digests.has(id);
  }

  /** Where a client got it whole. */
  expectSame({ id, digest }: PredictionRecord): void {
    if (this.has(id)) expect(digest, id).toBe(this.#digests.get(id));
  }
}

async function list(url: string): Promise<readonly PredictionRecord[]> {
  const page = await getJson<{ predictions: PredictionRecord[]; next_cursor: string | null }>(
    `${url}/predictions?limit=1000`,
  );
  expect(page.next_cursor).toBeNull();
  return page.predictions;
}

async function expectWhole(prediction: string): Promise<PredictionRecord> {
  const record = await getRecord(prediction);
  expect(record.status).toBe('succeeded');
  const weights = await fetch(`${prediction}/weights`);
  expect(weights.status).toBe(200);
  expect(Number(weights.headers.get('content-length'))).toBe(record.bytes);
  expect(await digestOf(weights), record.id).toBe(record.digest);
  expect(await getJson(`${prediction}/architecture`)).toMatchObject({ name: architecture.name });
  return record;
}

/** The store's directory holds the folders of what is listed, and nothing that a crash has left. */
async function expectNothingElse(store: string, records: readonly PredictionRecord[]): Promise<void> {
  const ids = records.map(({ id }) => id).sort();
  const files = await readdir(store, { recursive: true, withFileTypes: true });
  const folders = files.filter((file) => file.isDirectory() && file.path !== store);
  expect(folders.map(({ name }) => name).sort()).toEqual(ids);
  const perPrediction = files.filter((file) => file.isFile()).length / ids.length;
  expect(Number.isInteger(perPrediction), `${files.length} files`).toBe(true);
}
