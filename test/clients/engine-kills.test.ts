import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Answers, expectWhole, listed, RETRY_MS } from './answers.js';
import { distribution } from './distribution.js';
import { enginePid } from './engine-process.js';
import { network, type PredictBody } from './prediction.js';
import { FULL, times } from './proof.js';
import { ServiceProcess } from './service-process.js';

const KILLS = times('PROOF_ENGINE_KILLS', 5, 50);

/** Number of clients, each of which requests one prediction after the other. */
const CLIENTS = 8;

/** A small store, so that old predictions are evicted while new ones are written. */
const STORE_MAX_BYTES = String(60e6);

/** Time limit until a service is ready again, in the large run, which has the machine to itself. */
const MAX_READY_MS = 5000;

const TIMEOUT_MS = 120_000 + KILLS * 30_000;

const squeezenet = network('squeezenet1_1-10');
const resnet = network('resnet18-10');

/** The bytes differ with the seed. Some predictions are tiled and written in milliseconds, others take longer. */
const request = (seed: number): PredictBody =>
  seed % 8 === 0
    ? { architecture: resnet, postprocess: { noise: 0.1, seed } }
    : { architecture: squeezenet, postprocess: { noise: 0.1, seed } };

let folder: string;
let service: ServiceProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-engine-kills-'));
});

afterAll(async () => {
  await service.kill();
  await rm(folder, { recursive: true });
});

const readiness = async () => (await fetch(`${service.url}/readyz`)).status;

/** Returns the milliseconds until /readyz answers with the status. */
async function untilReadiness(status: number): Promise<number> {
  const start = performance.now();
  while ((await readiness()) !== status) {
    if (performance.now() - start > 60_000) throw new Error(`/readyz is not ${status} after a minute`);
    await setTimeout(5);
  }
  return performance.now() - start;
}

describe.skipIf(!existsSync('/proc/self/stat'))('an engine that is killed', () => {
  it(
    `${KILLS} times under load causes answers with 503, but no wrong byte`,
    async ({ annotate }) => {
      service = await ServiceProcess.start(join(folder, 'killed'), { STORE_MAX_BYTES });
      const answers = new Answers();
      const statuses = new Map<number, number>();
      let isOver = false;
      let seed = 0;
      let answered = 0;
      const client = async () => {
        while (!isOver) {
          // Every third request is a recent one: stored, evicted, in progress or lost.
          const number = Math.random() < 1 / 3 ? Math.max(0, seed - Math.floor(Math.random() * 20)) : seed++;
          const response = await answers.ask(service.url, request(number));
          // The death of the engine must not break a connection.
          const status = response?.status ?? 0;
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (status === 200) answered++;
          if (status !== 503) continue;
          expect(Number(response!.headers.get('retry-after'))).toBeGreaterThan(0);
          await setTimeout(RETRY_MS);
        }
      };
      const clients = Promise.all(Array.from({ length: CLIENTS }, client));
      const restarts: number[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const before = answered;
        await expect.poll(() => answered, { timeout: 60_000 }).toBeGreaterThan(before + CLIENTS);
        await setTimeout(Math.random() * 200);
        const pid = (await enginePid(service.pid))!;
        process.kill(pid, 'SIGKILL');
        const start = performance.now();
        await untilReadiness(503);
        await untilReadiness(200);
        restarts.push(performance.now() - start);
        expect(await enginePid(service.pid)).not.toBe(pid);
      }
      isOver = true;
      await clients;
      expect([...statuses.keys()].sort()).toEqual([200, 503]);
      for (const { id } of await listed(service.url, '&status=succeeded')) {
        try {
          answers.expectSame(await expectWhole(`${service.url}/predictions/${id}`));
        } catch (error) {
          // Predictions that were stored after this one was listed may have evicted it.
          const later = await listed(service.url);
          if (later.some((record) => record.id === id)) throw error;
        }
      }
      await service.stop();

      service = await ServiceProcess.start(join(folder, 'undisturbed'), { STORE_MAX_BYTES });
      await answers.expectSameFrom(service.url);
      if (FULL) expect(Math.max(...restarts)).toBeLessThan(MAX_READY_MS);
      await annotate(
        `${KILLS} kills: ${statuses.get(200)} answers were whole, the same as those of an engine that nobody killed, ` +
          `${statuses.get(503)} were 503, none was another; ready again after a ${distribution(restarts)}`,
      );
    },
    TIMEOUT_MS,
  );
});
