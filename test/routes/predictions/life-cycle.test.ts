import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PredictionView, viewSchema } from '../../../src/routes/predictions/view.js';
import { tinyGraph } from '../../architecture/fixtures.js';
import { begin, bytesOf, json, metric, post, predicted } from '../../helpers/http.js';
import { expectProblem } from '../../helpers/problems.js';
import { holdEngine, startService, type TestService } from '../../helpers/service.js';

let service: TestService;
let url: string;
let seeds = 0;
beforeAll(async () => {
  service = await startService({ MAX_QUEUE: '2' });
  url = service.url;
});
afterAll(() => service.stop());

/** Returns a request that no other test in this file sends. */
const fresh = (options: object = {}) => ({ architecture: tinyGraph(), seed: ++seeds, ...options });

/** Returns the number of requests that have shared another's computation. */
const joined = () => metric(url, 'ghn_serve_cache_hits_total', 'how="joined"');

const recordAt = (location: string) => json<PredictionView>(`${url}${location}`);
const statusOf = async ({ links }: PredictionView) => (await recordAt(links.self)).status;

/** Returns the events of a stream, to its end. */
async function eventsOf({ links }: PredictionView): Promise<{ event: string; data: unknown }[]> {
  const response = await fetch(`${url}${links.self}/events`);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  return (await response.text())
    .split('\n\n')
    .filter((message) => message !== '' && !message.startsWith(':'))
    .map((message) => {
      const [, event, data] = /^event: (.+)\n(?:id: .+\n)?data: (.+)$/.exec(message)!;
      return { event, data: JSON.parse(data) as unknown };
    });
}

describe('an asynchronous prediction', () => {
  it('is started, made, and found where its record says', async () => {
    const release = holdEngine(service);
    const response = await post(url, fresh(), { headers: { prefer: 'respond-async' } });
    const record = viewSchema.parse(await response.json());
    expect(response.status).toBe(202);
    expect(response.headers.get('preference-applied')).toBe('respond-async');
    expect(response.headers.get('location')).toBe(record.links.self);
    expect(record).toMatchObject({ status: 'running', engine: 'onnxruntime', device: 'cpu', error: null });
    expect(await statusOf(record)).toBe('running');
    release();
    await expect.poll(() => statusOf(record)).toBe('succeeded');
    const bytes = await bytesOf(await fetch(`${url}${record.links.weights}`));
    expect(bytes.length).toBe((await recordAt(record.links.self)).bytes);
  });

  it('waits for its turn, with the status queued', async () => {
    const release = holdEngine(service);
    const first = await begin(url, fresh());
    const second = await begin(url, fresh());
    expect([await statusOf(first), await statusOf(second)]).toEqual(['running', 'queued']);
    release();
    await expect.poll(() => statusOf(second)).toBe('succeeded');
  });

  it('is the same one that other clients start or wait for', async () => {
    const release = holdEngine(service);
    const body = fresh();
    const before = await metric(url, 'ghn_serve_computations_total', 'ghn="ghn3-nano"');
    const [one, two] = [await begin(url, body), await begin(url, body)];
    expect(two.id).toBe(one.id);
    const others = await joined();
    const waited = post(url, body);
    await expect.poll(joined).toBe(others + 1);
    release();
    expect((await waited).headers.get('location')).toBe(one.links.self);
    await bytesOf(await waited);
    expect(await metric(url, 'ghn_serve_computations_total', 'ghn="ghn3-nano"')).toBe(before + 1);
  });

  it('that is stored already is answered with its record at once', async () => {
    const body = fresh();
    const location = new URL(await predicted(url, body)).pathname;
    await recordAt(location);
    const record = await begin(url, body);
    expect(record).toMatchObject({ status: 'succeeded', links: { self: location } });
  });

  it('has no weights while it is made: 409, with the time to try again', async () => {
    const release = holdEngine(service);
    const record = await begin(url, fresh());
    for (const path of [
      record.links.weights,
      record.links.statistics,
      `${record.links.self}/tensors/fc.bias`,
    ]) {
      const answer = await request(url).get(path);
      expectProblem(answer, 409, { detail: 'the prediction is running' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await request(url).get(record.links.architecture)).body.nodes).toHaveLength(7);
    release();
    await expect.poll(() => statusOf(record)).toBe('succeeded');
  });

  it.each([
    ['respond-async'],
    ['wait=5, respond-async'],
    ['respond-async; x=1'],
    ['return=minimal,respond-async'],
    ['Respond-Async'],
  ])('is requested with prefer: %s', async (prefer) => {
    const response = await post(url, fresh(), { headers: { prefer } });
    expect(response.status).toBe(202);
    const record = (await response.json()) as PredictionView;
    await expect.poll(() => statusOf(record)).toBe('succeeded');
  });

  it.each([['return=minimal'], ['x="a, respond-async, b"'], ['wait=10; respond-async']])(
    'is not requested with prefer: %s',
    async (prefer) => {
      const response = await post(url, fresh(), { headers: { prefer } });
      expect(response.status).toBe(200);
      await bytesOf(response);
    },
  );
});

describe('the record of a prediction', () => {
  it('describes the whole prediction', async () => {
    const body = fresh({ dtype: 'F16', ghn: 'ghn2-nano', predict_classifier: false });
    const location = new URL(await predicted(url, body)).pathname;
    const record = await recordAt(location);
    expect(viewSchema.parse(record)).toEqual(record);
    expect(record).toMatchObject({
      status: 'succeeded',
      request: {
        ghn: 'ghn2-nano',
        predict_classifier: false,
        postprocess: null,
        seed: body.seed,
        dtype: 'F16',
        format: 'safetensors',
      },
      architecture: { name: 'tiny', nodes: 7, parameters: 634, not_predicted: [] },
      ghn: { id: 'ghn2-nano' },
      applied: null,
      overflow: 0,
      error: null,
      links: { self: location, weights: `${location}/weights`, statistics: `${location}/statistics` },
    });
    expect(record.statistics).toMatchObject({ count: 464, zeros: 0 });
    expect(Date.parse(record.created_at)).not.toBeNaN();
  });

  it('has the time that writing the answer took, once it is written', async () => {
    const location = new URL(await predicted(url, fresh())).pathname;
    await expect.poll(async () => (await recordAt(location)).latency_ms?.serialize).toBeGreaterThan(0);
    const { latency_ms: latency } = await recordAt(location);
    const { total, ...stages } = latency!;
    expect(total).toBeGreaterThan(Math.max(...Object.values(stages)));
  });

  it('names the parameters that the GHN does not predict', async () => {
    const graph = tinyGraph();
    graph.state_dict = [
      ...graph.nodes.flatMap(({ weight, bias }) => [weight, bias].filter((tensor) => tensor !== undefined)),
      { name: 'layer_scale', shape: [16, 1, 1] },
    ].map((tensor) => ({ ...tensor, kind: 'parameter' as const }));
    graph.state_dict.push({ name: 'bn1.running_mean', shape: [16], kind: 'buffer' });
    const record = await begin(url, { architecture: graph });
    expect(record.architecture).toMatchObject({ parameters: 650, not_predicted: ['layer_scale'] });
    await expect.poll(() => statusOf(record)).toBe('succeeded');
  });
});

describe('a stream of events', () => {
  it('reports every change and stage, and ends with the prediction', async () => {
    const release = holdEngine(service);
    const first = await begin(url, fresh());
    const second = await begin(url, fresh({ postprocess: { orthogonalize: true } }));
    const events = eventsOf(second);
    await expect.poll(() => metric(url, 'ghn_serve_queue_depth')).toBe(1);
    release();
    const told = await events;
    const names = told.map(({ event, data }) =>
      event === 'stage' ? (data as { stage: string }).stage : event,
    );
    // The stream may begin before or after the second prediction has left the queue.
    expect(names.filter((name) => name !== 'queued')).toEqual([
      'running',
      'graph',
      'encode',
      'decode',
      'postprocess',
      'succeeded',
    ]);
    expect(told.at(-1)!.data).toMatchObject({ id: second.id, status: 'succeeded' });
    await expect.poll(() => statusOf(first)).toBe('succeeded');
  });

  it('of a stored prediction reports it and ends', async () => {
    const record = await begin(url, fresh());
    await expect.poll(() => statusOf(record)).toBe('succeeded');
    const events = await eventsOf(record);
    expect(events.map(({ event }) => event)).toEqual(['succeeded']);
    expect(viewSchema.parse(events[0].data).id).toBe(record.id);
  });

  it('of a cancelled one reports it', async () => {
    const release = holdEngine(service);
    const record = await begin(url, fresh());
    const waiting = await begin(url, fresh());
    const events = eventsOf(waiting);
    await expect.poll(() => metric(url, 'ghn_serve_queue_depth')).toBe(1);
    expect((await request(url).delete(waiting.links.self)).status).toBe(204);
    expect((await events).at(-1)!.event).toBe('cancelled');
    release();
    await expect.poll(() => statusOf(record)).toBe('succeeded');
  });

  it('of an unknown one is 404', async () => {
    expectProblem(await request(url).get(`/predictions/${'0'.repeat(32)}/events`), 404);
  });
});

describe('DELETE', () => {
  it('removes a waiting prediction from the queue', async () => {
    const release = holdEngine(service);
    const first = await begin(url, fresh());
    const waiting = await begin(url, fresh());
    expect((await request(url).delete(waiting.links.self)).status).toBe(204);
    await expect.poll(() => statusOf(waiting)).toBe('cancelled');
    expect(await metric(url, 'ghn_serve_queue_depth')).toBe(0);
    release();
    await expect.poll(() => statusOf(first)).toBe('succeeded');
  });

  it('cancels a running one, and its record and the waiting clients report it', async () => {
    const release = holdEngine(service);
    const body = fresh();
    const record = await begin(url, body);
    const before = await joined();
    const waiting = request(url).post('/predict').send(body).then();
    await expect.poll(joined).toBe(before + 1);
    expect((await request(url).delete(record.links.self)).status).toBe(204);
    release();
    expectProblem(await waiting, 409, { detail: 'the prediction was cancelled' });
    expect(await recordAt(record.links.self)).toMatchObject({ status: 'cancelled', error: { status: 409 } });
    for (const link of [record.links.weights, record.links.statistics, record.links.architecture]) {
      const answer = await request(url).get(link);
      expectProblem(answer, 409, { detail: /^the prediction is cancelled/ });
      expect(answer.headers['retry-after']).toBeUndefined();
    }
  });

  it('removes a stored one completely', async () => {
    const body = fresh();
    const location = new URL(await predicted(url, body)).pathname;
    await recordAt(location);
    await json(`${url}${location}/statistics`);
    expect((await request(url).delete(location)).status).toBe(204);
    for (const path of ['', '/weights', '/statistics', '/architecture', '/events', '/tensors/fc.bias']) {
      const answer = await request(url).get(location + path);
      expect(answer.status, path).toBe(404);
    }
    expectProblem(await request(url).delete(location), 404, { detail: /no prediction has the id/ });
    const again = await post(url, body);
    expect(again.headers.get('server-timing')).not.toContain('store');
    await bytesOf(again);
  });

  it('does not keep one from being made again, even before it has stopped', async () => {
    const release = holdEngine(service);
    const body = fresh();
    const record = await begin(url, body);
    await request(url).delete(record.links.self);
    const again = post(url, body);
    await expect.poll(() => metric(url, 'ghn_serve_queue_depth')).toBe(1);
    release();
    await bytesOf(await again);
    expect(await recordAt(record.links.self)).toMatchObject({ status: 'succeeded', error: null });
    expect((await fetch(`${url}${record.links.weights}`)).status).toBe(200);
  });
});

describe('a client that disconnects', () => {
  it('cancels its prediction if no other client waits', async () => {
    const release = holdEngine(service);
    const first = await begin(url, fresh());
    const controller = new AbortController();
    const body = fresh();
    const gone = post(url, body, { signal: controller.signal }).catch((error: Error) => error.name);
    await expect.poll(() => metric(url, 'ghn_serve_queue_depth')).toBe(1);
    controller.abort();
    expect(await gone).toBe('AbortError');
    await expect.poll(() => metric(url, 'ghn_serve_queue_depth')).toBe(0);
    release();
    await expect.poll(() => statusOf(first)).toBe('succeeded');
  });

  it('does not cancel it for clients that started it asynchronously', async () => {
    const release = holdEngine(service);
    const body = fresh();
    const first = await begin(url, fresh());
    const record = await begin(url, body);
    const before = await joined();
    const controller = new AbortController();
    const gone = post(url, body, { signal: controller.signal }).catch((error: Error) => error.name);
    await expect.poll(joined).toBe(before + 1);
    controller.abort();
    await gone;
    release();
    await expect.poll(() => statusOf(record)).toBe('succeeded');
    await expect.poll(() => statusOf(first)).toBe('succeeded');
  });
});

describe('a queue that is full', () => {
  it('is answered with 503 and the time to try again, whether the client waits or not', async () => {
    const release = holdEngine(service);
    const begun = [await begin(url, fresh()), await begin(url, fresh()), await begin(url, fresh())];
    for (const prefer of ['respond-async', 'return=minimal']) {
      const answer = await request(url).post('/predict').set('prefer', prefer).send(fresh());
      expectProblem(answer, 503, { detail: '2 predictions are waiting already (MAX_QUEUE)' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    release();
    for (const record of begun) await expect.poll(() => statusOf(record)).toBe('succeeded');
  });
});

describe('a prediction that takes too long', () => {
  it('is answered with 503 and given up', async () => {
    const impatient = await startService({ REQUEST_TIMEOUT_MS: '300' });
    const release = holdEngine(impatient);
    try {
      const answer = await request(impatient.url).post('/predict').send(fresh());
      expectProblem(answer, 503, { detail: 'there was no answer after 300 ms; try again' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    } finally {
      release();
      await impatient.stop();
    }
  });
});
