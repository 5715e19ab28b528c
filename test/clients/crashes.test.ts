import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PredictionView } from '../../src/routes/predictions/view.js';
import { Answers, expectWhole, listed } from './answers.js';
import { distribution } from './distribution.js';
import { getRecord, network, type PredictBody } from './prediction.js';
import { FULL, times } from './proof.js';
import { ServiceProcess } from './service-process.js';

const KILLS = times('PROOF_KILLS', 10, 100);

/** Number of predictions requested before each kill, so that their computations and their writes overlap. */
const AT_ONCE = 8;

/** Room for the predictions of a few rounds, 3 MB each: old ones are evicted while new ones are written. */
const STORE_MAX_BYTES = String(60e6);

/** Time limit until a service is ready again, in the large run, which has the machine to itself. */
const MAX_READY_MS = 5000;

/** A restart takes seconds on a busy machine. */
const TIMEOUT_MS = 60_000 + KILLS * 60_000;

const architecture = network('squeezenet1_1-10');

/** The bytes differ with the seed, and are stored in full, because post-processed weights are not tiled. */
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
  `all listed predictions are complete after each of ${KILLS} SIGKILLs during predictions and writes`,
  async ({ annotate }) => {
    const store = join(folder, 'killed');
    const start = async () => {
      service = await ServiceProcess.start(store, { STORE_MAX_BYTES });
    };
    const answers = new Answers();
    const known = new Map<string, PredictionView>();
    const restarts: number[] = [];
    let seed = 0;
    const batch = () => Array.from({ length: AT_ONCE }, () => answers.askAgain(service.url, request(seed++)));

    const answeredAll = async () => {
      for (const response of await Promise.all(batch())) expect(response?.status).toBe(200);
    };

    await start();
    await answeredAll();
    const begun = performance.now();
    await answeredAll();
    for (const { id } of await listed(service.url)) await getRecord(`${service.url}/predictions/${id}`);
    const batchMilliseconds = performance.now() - begun;

    let unfinished = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const work = Promise.all(batch());
      await setTimeout(Math.random() * batchMilliseconds);
      await service.kill();
      await work;
      unfinished += (await readdir(join(store, 'unfinished'))).length;
      const killed = performance.now();
      await start();
      restarts.push(performance.now() - killed);
      const records = await listed(service.url);
      await expectNothingElse(store, records);
      for (const { id } of records) {
        const record = await expectWhole(`${service.url}/predictions/${id}`);
        answers.expectSame(record);
        known.set(id, record);
      }
    }
    await service.stop();
    expect(known.size).toBeGreaterThan(KILLS);

    // For predictions whose clients never had the whole answer, the answer of a service that nobody kills.
    const unanswered = [...known.values()].filter(({ id }) => !answers.has(id));
    service = await ServiceProcess.start(join(folder, 'undisturbed'));
    for (const record of unanswered) {
      const response = await answers.askAgain(service.url, request(record.request.postprocess!.seed));
      expect(response?.status).toBe(200);
      answers.expectSame(record);
    }
    if (FULL) expect(Math.max(...restarts)).toBeLessThan(MAX_READY_MS);
    await annotate(
      `${KILLS} kills left ${unfinished} unfinished writes; ${known.size} predictions were listed and whole, ` +
        `${unanswered.length} of them without their clients having had the answer; ready again after a ` +
        distribution(restarts),
    );
  },
  TIMEOUT_MS,
);

/** Checks that the store's directory holds only the folders of the listed predictions, and no remains of a crash. */
async function expectNothingElse(store: string, records: readonly PredictionView[]): Promise<void> {
  const ids = records.map(({ id }) => id).sort();
  const files = await readdir(store, { recursive: true, withFileTypes: true });
  const folders = files.filter((file) => file.isDirectory() && file.path !== store);
  expect(folders.map(({ name }) => name).sort()).toEqual(ids);
  // Beside them are the store's marker and its lock.
  const perPrediction = files.filter((file) => file.isFile() && file.path !== store).length / ids.length;
  expect(Number.isInteger(perPrediction), `${files.length} files`).toBe(true);
}
