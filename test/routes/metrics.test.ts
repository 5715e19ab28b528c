import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyGraph } from '../architecture/fixtures.js';
import { begin, bytesOf, json, metric, post } from '../helpers/http.js';
import { holdEngine, startService, type TestService } from '../helpers/service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService({ MAX_QUEUE: '3' });
});
afterAll(() => service.stop());

const value = (name: string, labels?: string) => metric(service.url, name, labels);
const text = async () => (await fetch(`${service.url}/metrics`)).text();

/** Returns the increase of a metric while something is done. */
async function growth(
  name: string,
  labels: string | undefined,
  run: () => Promise<unknown>,
): Promise<number> {
  const before = await value(name, labels);
  await run();
  return (await value(name, labels)) - before;
}

describe('GET /metrics', () => {
  it('is in Prometheus’ text format', async () => {
    const response = await fetch(`${service.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const line of (await response.text()).trimEnd().split('\n')) {
      expect(line).toMatch(/^(|# (HELP|TYPE) \S+ .+|[a-z_0-9]+(\{.+\})? [-+.\de]+|.* (\+Inf|Nan))$/i);
    }
  });

  it('counts predictions by GHN, format and result, and the values that the engine computed', async () => {
    const seed = 1;
    const ask = async () => bytesOf(await post(service.url, { architecture: tinyGraph(), seed }));
    expect(await growth('ghn_serve_computations_total', 'ghn="ghn3-nano"', ask)).toBe(1);
    expect(await value('ghn_serve_parameters_predicted_total', 'ghn="ghn3-nano"')).toBe(634);
    expect(
      await value('ghn_serve_predictions_total', 'ghn="ghn3-nano",format="safetensors",result="computed"'),
    ).toBe(1);
    await json(
      `${service.url}${(await post(service.url, { architecture: tinyGraph(), seed })).headers.get('location')}`,
    );
    expect(await growth('ghn_serve_cache_hits_total', 'how="stored"', ask)).toBe(1);
    expect(
      await growth(
        'ghn_serve_predictions_total',
        'ghn="ghn2-nano",format="tiled",result="computed"',
        async () =>
          bytesOf(await post(service.url, { architecture: tinyGraph(), ghn: 'ghn2-nano', format: 'tiled' })),
      ),
    ).toBe(1);
  });

  it('measures the time of requests by route and of predictions by stage', async () => {
    const route = 'method="GET",route="/predictions/:id",status="404"';
    expect(
      await growth('ghn_serve_request_duration_seconds_count', route, () =>
        fetch(`${service.url}/predictions/abc`),
      ),
    ).toBe(1);
    for (const stage of ['parse', 'graph', 'encode', 'decode', 'postprocess']) {
      expect(await value('ghn_serve_stage_duration_seconds_count', `stage="${stage}"`)).toBeGreaterThan(0);
    }
  });

  it('counts the bytes of answers', async () => {
    const ask = async () => bytesOf(await post(service.url, { architecture: tinyGraph(), seed: 4 }));
    const length = (await ask()).length;
    // The counter is read over the same connection, whose answer counts as well.
    const grown = await growth('ghn_serve_response_bytes_total', undefined, ask);
    expect(grown).toBeGreaterThan(length);
    expect(Number.isFinite(grown)).toBe(true);
  });

  it('gives the number of waiting predictions, and the sizes of the engine and of the store', async () => {
    const release = holdEngine(service);
    for (let seed = 10; seed < 13; seed++) await begin(service.url, { architecture: tinyGraph(), seed });
    expect(await value('ghn_serve_queue_depth')).toBe(2);
    release();
    await expect.poll(() => value('ghn_serve_queue_depth')).toBe(0);
    expect(await value('ghn_serve_engine_memory_bytes')).toBeGreaterThan(100_000);
    expect(await value('ghn_serve_engine_restarts')).toBe(0);
    expect(await value('ghn_serve_store_bytes')).toBeGreaterThan(0);
  });

  it('has no label whose values clients choose', async () => {
    const name = 'a-name-that-nobody-else-gives';
    await bytesOf(await post(service.url, { architecture: { ...tinyGraph(), name } }));
    await fetch(`${service.url}/${name}`);
    await fetch(`${service.url}/predictions/${name}`);
    await fetch(`${service.url}/predictions/${name}/tensors/${name}`);
    expect(await text()).not.toContain(name);
  });
});
