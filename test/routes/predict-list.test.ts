import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PredictionResult } from '../../clients/typescript/src/index.js';
import { GhnServeClient } from '../../clients/typescript/src/index.js';
import { MAX_REQUESTS } from '../../src/predictions/request-list.js';
import { tinyGraph } from '../architecture/fixtures.js';
import { bytesOf, json, post } from '../helpers/http.js';
import { holdEngine, startService, type TestService } from '../helpers/service.js';

let service: TestService;
let url: string;
beforeAll(async () => {
  service = await startService({ MAX_QUEUE: '3' });
  url = service.url;
});
afterAll(() => service?.stop());

let seeds = 0;
const request = (more: object = {}) => ({ architecture: tinyGraph(), seed: ++seeds, ...more });

async function resultsOf(response: Response): Promise<PredictionResult[]> {
  return ((await response.json()) as { results: PredictionResult[] }).results;
}

const statuses = (results: readonly PredictionResult[]) => results.map(({ status }) => status);

/** Returns the content of each part, by the length in its header. */
async function partsOf(response: Response) {
  const type = response.headers.get('content-type') ?? '';
  const boundary = /^multipart\/mixed; boundary=(\S+)$/.exec(type)![1];
  const data = Buffer.from(await response.arrayBuffer());
  const parts: { headers: Headers; body: Buffer }[] = [];
  let at = 0;
  const opening = `\r\n--${boundary}\r\n`;
  while (data.subarray(at, at + opening.length).toString() === opening) {
    const end = data.indexOf('\r\n\r\n', at + opening.length);
    const lines = data.toString('utf8', at + opening.length, end).split('\r\n');
    const headers = new Headers(lines.map((line) => line.split(/: (.*)/, 2) as [string, string]));
    const start = end + 4;
    at = start + Number(headers.get('content-length'));
    parts.push({ headers, body: data.subarray(start, at) });
  }
  expect(data.subarray(at).toString()).toBe(`\r\n--${boundary}--\r\n`);
  return parts;
}

const FAULTY = { architecture: { ...tinyGraph(), nodes: [{ id: 'x', op: 'conw' }] } };

describe('a list of requests', () => {
  it('is answered with a record for each, in order, even if there are more than the queue takes at once', async () => {
    const requests = Array.from({ length: 40 }, () => request());
    const response = await post(url, requests);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const results = await resultsOf(response);
    expect(statuses(results)).toEqual(requests.map(() => 200));
    for (const [k, { seed }] of requests.entries()) {
      const { prediction } = results[k] as Extract<PredictionResult, { prediction: unknown }>;
      expect(prediction).toMatchObject({ status: 'succeeded', request: { seed } });
      expect(prediction.bytes).toBeGreaterThan(0);
    }
  });

  it('continues if one entry fails, whose problem has its place', async () => {
    const results = await resultsOf(
      await post(url, [
        request(),
        FAULTY,
        request({ dtype: 'F8' }),
        7,
        { architecture: 'resnet19' },
        request(),
      ]),
    );
    expect(statuses(results)).toEqual([200, 422, 422, 422, 404, 200]);
    const problems = results.flatMap((result) => ('problem' in result ? [result.problem] : []));
    expect(problems.map(({ errors }) => errors?.[0]?.path)).toEqual([
      '/1/architecture/nodes/0/op',
      '/2/dtype',
      '/3',
      undefined,
    ]);
    expect(problems[0].detail).toMatch(/^\/1\/architecture\/nodes\/0\/op: unknown op "conw"/);
  });

  it('is read in the same way if it is large', async () => {
    const list = [request(), FAULTY, { architecture: 'resnet19' }];
    const of = async (text: string) => {
      const response = await fetch(`${url}/predict`, {
        method: 'POST',
        body: text,
        headers: { 'content-type': 'application/json' },
      });
      return (await resultsOf(response)).map((result) =>
        'problem' in result ? result : { status: result.status, id: result.prediction.id },
      );
    };
    const text = JSON.stringify(list);
    expect(await of(text + ' '.repeat(300_000))).toEqual(await of(text));
  });

  it('is answered with the weights of each, as if requested alone', async () => {
    const requests = [request(), FAULTY, request({ dtype: 'F16' }), request({ format: 'npz' })];
    const response = await post(url, requests, { headers: { accept: 'multipart/mixed, */*' } });
    const parts = await partsOf(response);
    expect(parts.map(({ headers }) => headers.get('content-type'))).toEqual([
      'application/octet-stream',
      'application/problem+json',
      'application/octet-stream',
      'application/octet-stream',
    ]);
    for (const k of [0, 2, 3]) {
      const alone = await post(url, requests[k]);
      for (const name of ['etag', 'location', 'content-disposition', 'content-length']) {
        expect(parts[k].headers.get(name)).toBe(alone.headers.get(name));
      }
      expect(parts[k].body.equals(Buffer.from(await bytesOf(alone)))).toBe(true);
    }
    expect(JSON.parse(parts[1].body.toString())).toMatchObject({ status: 422, code: 'invalid_request' });
  });

  it('is started, as far as there is room, if no client waits for it', async () => {
    const release = holdEngine(service);
    try {
      const requests = Array.from({ length: 6 }, () => request());
      const response = await post(url, requests, { headers: { prefer: 'respond-async' } });
      expect(response.status).toBe(202);
      expect(response.headers.get('preference-applied')).toBe('respond-async');
      const results = await resultsOf(response);
      expect(statuses(results)).toEqual([202, 202, 202, 202, 503, 503]);
      expect(results[4]).toMatchObject({ retry_after: expect.any(Number), problem: { code: 'overloaded' } });
    } finally {
      release();
    }
    const list = async () =>
      (await json<{ predictions: { status: string }[] }>(`${url}/predictions?limit=4`)).predictions;
    await expect
      .poll(async () => (await list()).map(({ status }) => status))
      .toEqual(Array(4).fill('succeeded'));
  });

  it('releases everything when the client disconnects', async () => {
    const release = holdEngine(service);
    const controller = new AbortController();
    const requests = Array.from({ length: 30 }, () => request());
    const gone = post(url, requests, { signal: controller.signal }).catch((error: Error) => error.name);
    const waiting = async () =>
      (await json<{ predictions: unknown[] }>(`${url}/predictions?status=queued`)).predictions.length;
    await expect.poll(waiting).toBe(3);
    controller.abort();
    expect(await gone).toBe('AbortError');
    release();
    await expect.poll(waiting).toBe(0);
    expect((await post(url, request())).status).toBe(200);
  });

  it.each([0, MAX_REQUESTS + 1])('is refused if it has %s entries', async (length) => {
    const response = await post(url, Array(length).fill({ architecture: 'resnet18' }));
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      detail: `expected a request, or a list of 1 to 256 requests, not an array of ${length}`,
    });
  });

  it('is what the TypeScript client sends', async () => {
    const client = new GhnServeClient({ baseUrl: url });
    const architecture = tinyGraph();
    const results = await client.predictMany([{ architecture }, { architecture: 'resnet19' }]);
    expect(statuses(results)).toEqual([200, 404]);
  });
});
