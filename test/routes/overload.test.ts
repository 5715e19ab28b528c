import { connect, type Socket } from 'node:net';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { READING_FROM_MEMORY_MS } from '../../src/predictions/recovery.js';
import { fixtureGraph, tinyGraph } from '../architecture/fixtures.js';
import { begin, bytesOf, json, metric, post, predicted } from '../helpers/http.js';
import { expectProblem } from '../helpers/problems.js';
import { holdEngine, startService, type TestService } from '../helpers/service.js';

let seeds = 0;

/** Returns a prediction of a few kB that no other test requests. */
const small = () => ({ architecture: tinyGraph(), seed: ++seeds });

/**
 * Returns a prediction that is not tiled: 45 MB in the engine, 45 MB in the service, and the same again while it is
 * computed.
 */
const whole = () => ({
  architecture: fixtureGraph('resnet18-10'),
  postprocess: { noise: 1e-5, seed: ++seeds },
});

/** Holds the memory of all answers, however slow the machine is. Returns a function that releases it. */
function holdMemory(): () => void {
  const held: (() => void)[] = [];
  const start = globalThis.setTimeout;
  const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((
    run: () => void,
    ms?: number,
    ...values: unknown[]
  ) => {
    if (ms !== READING_FROM_MEMORY_MS) return start(run, ms, ...(values as []));
    held.push(run);
    return start(() => {});
  }) as typeof setTimeout);
  const release = () => {
    spy.mockRestore();
    for (const run of held.splice(0)) run();
  };
  onTestFinished(release);
  return release;
}

describe('memory', () => {
  let service: TestService;
  let url: string;
  beforeAll(async () => {
    // Enough for one of these predictions, but not for two.
    service = await startService({ MAX_MEMORY_BYTES: '240000000' });
    url = service.url;
  });
  afterAll(() => service.stop());

  const refusals = () => metric(url, 'ghn_serve_refusals_total', 'reason="memory"');
  const ask = (body: object) => request(url).post('/predict').send(body);
  const statusOf = async (body: object) => {
    const response = await post(url, body);
    await response.arrayBuffer();
    // The record is answered once the prediction is stored.
    if (response.ok) await json(`${url}${response.headers.get('location')}`);
    return response.status;
  };
  const until = (body: object, status: number) => expect.poll(() => statusOf(body)).toBe(status);

  it('that exceeds the limit is refused with 422, the numbers, and the remedy', async () => {
    const body = { architecture: 'vgg11', postprocess: { noise: 1e-5 } };
    expectProblem(await ask(body), 422, {
      errors: [
        ['/architecture', /would take about 1\.\d GB of memory, more than the 0\.24 GB .*MAX_MEMORY_BYTES/],
      ],
    });
    // Without post-processing, it is small.
    await bytesOf(await post(url, { architecture: 'vgg11', format: 'tiled' }));
  });

  it('that other predictions use is refused with 503, and requests that need none are answered', async () => {
    const stored = small();
    const address = await predicted(url, stored);
    const release = holdEngine(service);
    const first = whole();
    const record = await begin(url, first);
    const before = await refusals();
    const answer = await ask(whole());
    expectProblem(answer, 503, {
      detail: /would take about 0\.\d+ GB of memory, more than the limit of 0\.24 GB/,
    });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(await refusals()).toBe(before + 1);
    // The same prediction is made once, stored ones are available, and a small one fits beside it.
    expect((await begin(url, first)).id).toBe(record.id);
    expect((await post(url, stored)).headers.get('location')).toBe(new URL(address).pathname);
    const beside = await begin(url, small());
    release();
    for (const { links } of [record, beside]) {
      await expect
        .poll(async () => (await json<{ status: string }>(`${url}${links.self}`)).status)
        .toBe('succeeded');
    }
    await until(whole(), 200);
  });

  it('is held by unread answers until they can be read from the store, to their ends', async () => {
    const { hostname, port } = new URL(url);
    const release = holdMemory();
    const unread: { body: string; socket: Socket }[] = [];
    for (let k = 0; k < 2; k++) {
      const body = JSON.stringify(whole());
      const socket = connect(Number(port), hostname).on('error', () => {});
      socket.write(
        `POST /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n` +
          `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      // The head was received; the rest of the 45 MB is not read.
      await new Promise((resolve) => socket.once('readable', resolve));
      socket.pause();
      const [, location] = /location: (\S+)/.exec(String(socket.read()))!;
      await json(`${url}${location}`);
      unread.push({ body, socket });
    }
    expect(await statusOf(whole())).toBe(503);
    release();
    await until(whole(), 200);
    for (const { body, socket } of unread) {
      const rest = Buffer.concat(await socket.toArray());
      const again = await post(url, JSON.parse(body));
      expect(again.headers.get('server-timing')).toBe('store;desc="hit"');
      const weights = Buffer.from(await bytesOf(again));
      expect(rest.equals(weights.subarray(weights.length - rest.length))).toBe(true);
    }
  });

  it('is released by a client that disconnects before it has read its answer', async () => {
    const controller = new AbortController();
    const answer = await post(url, whole(), { signal: controller.signal });
    await until(whole(), 503);
    controller.abort();
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await until(whole(), 200);
  });

  it('is released by clients that disconnect while they wait, and by predictions that are deleted', async () => {
    const release = holdEngine(service);
    try {
      const controller = new AbortController();
      const running = await begin(url, small());
      const gone = post(url, whole(), { signal: controller.signal }).catch((error: Error) => error.name);
      await until(whole(), 503);
      controller.abort();
      expect(await gone).toBe('AbortError');
      let again = '';
      await expect
        .poll(async () => {
          const answer = await post(url, whole(), { headers: { prefer: 'respond-async' } });
          again = answer.headers.get('location') ?? '';
          return answer.status;
        })
        .toBe(202);
      await request(url).delete(again).expect(204);
      const last = await begin(url, whole());
      await request(url).delete(last.links.self).expect(204);
      await request(url).delete(running.links.self).expect(204);
    } finally {
      release();
    }
  });
});

describe('time', () => {
  let service: TestService;
  let url: string;
  beforeAll(async () => {
    service = await startService({ MAX_WAIT_MS: '1' });
    url = service.url;
    // Lets the service learn how long such predictions take.
    await predicted(url, { architecture: fixtureGraph('resnet50') });
  });
  afterAll(() => service.stop());

  const large = () => ({ architecture: fixtureGraph('resnet50'), seed: ++seeds });

  it('that a prediction would have to wait beyond the limit is refused with 503, at once', async () => {
    const release = holdEngine(service);
    const running = await begin(url, large());
    // The one before it has run for longer than estimated when this one arrives.
    const waiting = await begin(url, large());
    const answer = await request(url).post('/predict').send(small());
    expectProblem(answer, 503, {
      detail: /^the prediction would have to wait for about \d+ ms, longer than the limit of 1 ms/,
    });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(await metric(url, 'ghn_serve_refusals_total', 'reason="wait"')).toBe(1);
    // No client waits for this one.
    const later = await begin(url, small());
    release();
    for (const { links } of [running, waiting, later]) {
      await expect
        .poll(async () => (await json<{ status: string }>(`${url}${links.self}`)).status)
        .toBe('succeeded');
    }
    await bytesOf(await post(url, small()));
  });
});
