import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { PredictionView } from '../../src/routes/predictions/view.js';
import { Answers, expectWhole, listed } from './answers.js';
import { digestOf, network, type PredictBody, post, predicted } from './prediction.js';
import { ServiceProcess } from './service-process.js';

/** Number of clients, each of which requests one prediction after the other. */
const CLIENTS = 6;

/** Number of predictions that are started and not waited for. */
const BEGUN = 8;

const request = (seed: number): PredictBody => ({
  architecture: network('squeezenet1_1-10'),
  postprocess: { noise: 0.1, seed },
});

let folder: string;
let service: ServiceProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-sigterm-'));
});
afterEach(() => service.kill());
afterAll(() => rm(folder, { recursive: true }));

it('SIGTERM under load: accepted predictions are finished, all others are refused, and the service ends', async () => {
  const store = join(folder, 'store');
  service = await ServiceProcess.start(store);
  const { url } = service;
  const weights = `${await predicted(url, { architecture: network('resnet18-10') })}/weights`;
  const expected = await digestOf(await fetch(weights));

  const answers = new Answers();
  const statuses: (number | undefined)[] = [];
  let seed = 1000;
  const client = async () => {
    for (;;) {
      const status = (await answers.askAgain(url, request(seed++)))?.status;
      statuses.push(status);
      if (status === undefined) return;
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client));
  const begun: PredictionView[] = [];
  for (let number = 0; number < BEGUN; number++) {
    const response = await post(url, request(number), { headers: { prefer: 'respond-async' } });
    expect(response.status).toBe(202);
    begun.push((await response.json()) as PredictionView);
  }
  const download = await fetch(weights);
  const stopped = service.stop();
  await setTimeout(500);
  expect(await digestOf(download)).toBe(expected);
  await clients;
  await stopped;
  expect(service.exitCode).toBe(0);
  // Each client has one refused connection at the end. Every answer before it was complete.
  const answered = statuses.filter((status) => status !== undefined);
  expect(answered.length).toBeGreaterThan(0);
  expect(new Set(answered)).toEqual(new Set([200]));

  service = await ServiceProcess.start(store);
  const stored = new Map((await listed(service.url)).map((record) => [record.id, record]));
  for (const { id } of begun) expect(stored.get(id)?.status).toBe('succeeded');
  for (const id of stored.keys()) answers.expectSame(await expectWhole(`${service.url}/predictions/${id}`));
  expect([...stored.keys()].filter((id) => answers.has(id))).toHaveLength(answers.count);
});

it('SIGTERM while a client reads nothing: the service ends at the time limit of the request', async () => {
  service = await ServiceProcess.start(join(folder, 'patient'), { REQUEST_TIMEOUT_MS: '3000' });
  const weights = `${await predicted(service.url, { architecture: network('resnet18-10') })}/weights`;
  const download = await fetch(weights);
  await service.stop();
  expect(service.exitCode).toBe(0);
  await expect(digestOf(download)).rejects.toThrow('terminated');
});
