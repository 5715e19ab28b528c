import request from 'supertest';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { PredictorUnavailableError } from '../../src/predictor/executor.js';
import { fixtureGraph, tinyGraph } from '../architecture/fixtures.js';
import { begin, bytesOf, json, metric, post, predicted } from '../helpers/http.js';
import { expectProblem } from '../helpers/problems.js';
import { holdEngine, startService, type TestService } from '../helpers/service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

it('an engine that dies loses the running requests, which can be sent again, and nothing else', async () => {
  const { url } = service;
  const { predictor } = service.service;
  const stored = await predicted(url, { architecture: fixtureGraph('squeezenet1_1-10') });
  await json(stored);
  const body = { architecture: tinyGraph(), seed: 1 };

  process.kill(predictor.pid!, 'SIGSTOP');
  const record = await begin(url, body);
  const waiting = request(url).post('/predict').send(body).then();
  await expect.poll(() => metric(url, 'ghn_serve_cache_hits_total', 'how="joined"')).toBe(1);
  process.kill(predictor.pid!, 'SIGKILL');

  const answer = await waiting;
  expectProblem(answer, 503, { detail: "the engine's process ended (SIGKILL)" });
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  expect(await json(`${url}${record.links.self}`)).toMatchObject({
    status: 'failed',
    error: { status: 503 },
  });
  expectProblem(await request(url).get(record.links.weights), 409, {
    detail: /^the prediction is failed: the engine/,
  });
  const listed = await json<{ predictions: { id: string }[] }>(`${url}/predictions?status=failed`);
  expect(listed.predictions.map(({ id }) => id)).toEqual([record.id]);

  // Stored predictions do not need the engine.
  expect((await bytesOf(await fetch(`${stored}/weights`))).length).toBeGreaterThan(1e6);
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
  expect(await metric(url, 'ghn_serve_engine_restarts')).toBe(1);
  const again = await post(url, body);
  expect(again.headers.get('location')).toBe(record.links.self);
  await bytesOf(again);
  expect(await json(`${url}${record.links.self}`)).toMatchObject({ status: 'succeeded', error: null });
});

it('the service is not ready while its engine is started again', async () => {
  const { url } = service;
  const { predictor } = service.service;
  const before = predictor.pid!;
  process.kill(before, 'SIGKILL');
  // The new process is stopped before it can have loaded anything.
  await expect.poll(() => ![null, before].includes(predictor.pid), { interval: 1 }).toBe(true);
  const release = holdEngine(service);
  const [ready, alive, predict] = await Promise.all([
    request(url).get('/readyz'),
    request(url).get('/livez'),
    request(url).post('/predict').send({ architecture: tinyGraph(), seed: 99 }),
  ]);
  expectProblem(ready, 503);
  expect(alive.status).toBe(200);
  expectProblem(predict, 503, { detail: 'the engine is being started' });
  release();
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
});

it('predictions that wait behind a lost one are made by the next engine', async () => {
  const { url } = service;
  const { predictor } = service.service;
  const before = predictor.pid!;
  process.kill(before, 'SIGSTOP');
  const lost = await begin(url, { architecture: tinyGraph(), seed: 201 });
  const queued = await begin(url, { architecture: tinyGraph(), seed: 202 });
  const waiting = post(url, { architecture: tinyGraph(), seed: 203 });
  await expect.poll(() => metric(url, 'ghn_serve_queue_depth')).toBe(2);
  process.kill(before, 'SIGKILL');
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { interval: 1 }).toBe(503);
  // No client waits for this one, so it can wait for the engine.
  const later = await begin(url, { architecture: tinyGraph(), seed: 204 });
  expect((await bytesOf(await waiting)).length).toBeGreaterThan(0);
  const end = async ({ links }: typeof lost) => {
    const { status } = await json<typeof lost>(`${url}${links.self}`);
    return status;
  };
  await expect.poll(() => end(lost)).toBe('failed');
  for (const record of [queued, later]) await expect.poll(() => end(record)).toBe('succeeded');
});

it('a finished prediction is kept though its engine died before its statistics were computed', async () => {
  const { url } = service;
  const { predictor } = service.service;
  const predict = predictor.predict.bind(predictor);
  const spy = vi.spyOn(predictor, 'predict').mockImplementation(async (...job) => {
    const made = await predict(...job);
    const statistics = Promise.reject(new PredictorUnavailableError('the engine’s process ended'));
    return { ...made, statistics };
  });
  const answer = await post(url, { architecture: tinyGraph(), seed: 301 });
  spy.mockRestore();
  const bytes = await bytesOf(answer);
  const address = `${url}${answer.headers.get('location')}`;
  expect(await json(address)).toMatchObject({ status: 'succeeded', statistics: null, overflow: null });
  expect(await bytesOf(await fetch(`${address}/weights`))).toEqual(bytes);
});

it('an engine that hangs is detected, whether or not a client waits', async () => {
  const impatient = await startService({ REQUEST_TIMEOUT_MS: '1000' });
  const { url } = impatient;
  const { predictor } = impatient.service;
  const hung = predictor.pid!;
  try {
    process.kill(hung, 'SIGSTOP');
    const { links } = await begin(url, { architecture: tinyGraph(), seed: 1 });
    await expect.poll(() => predictor.pid, { timeout: 30_000 }).not.toBe(hung);
    await expect
      .poll(() => json(`${url}${links.self}`))
      .toMatchObject({
        status: 'failed',
        error: { status: 503, detail: 'the engine has made no progress in 1000 ms; try again' },
      });
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
    await bytesOf(await post(url, { architecture: tinyGraph(), seed: 2 }));
  } finally {
    await impatient.stop();
  }
});
