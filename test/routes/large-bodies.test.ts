import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../helpers/http.js';
import { startService, type TestService } from '../helpers/service.js';

/** Makes a body large enough to be parsed in the separate process. */
const SPACES = ' '.repeat(300_000);

const fixture = (path: string) =>
  readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8').trim();
const graph = fixture('architectures/squeezenet1_1-10.json');
const keras = JSON.stringify(
  (JSON.parse(fixture('keras/mobilenet.keras3.json')) as { model: unknown }).model,
);

const BODIES: Readonly<Record<string, string>> = {
  'a graph': `{"architecture": ${graph}, "seed": 3}`,
  layers: `{"architecture": ${fixture('layers/lenet.layers.json')}, "dtype": "F16"}`,
  'a Keras model': `{"architecture": {"keras": ${keras}}, "format": "tiled"}`,
  'a name': '{"architecture": "squeezenet1_1", "num_classes": 10}',
  'faults of the request': '{"architecture": "resnet18", "num_classes": 0, "sed": 1, "dtype": "F8"}',
  'faults of the graph': `{"architecture": ${graph.replaceAll('"conv"', '"convolution"')}}`,
  'an unknown name': '{"architecture": "resnet19"}',
  'an unknown GHN': '{"architecture": "resnet18", "ghn": "ghn4"}',
  'a class too many for a name': '{"architecture": "squeezenet1_1", "num_classes": 100000000}',
  'no JSON': `{"architecture": resnet18, "name": "${'x'.repeat(60)}"}`,
  nothing: '',
  'a key that reaches into prototypes': '{"architecture": "resnet18", "__proto__": {"seed": 1}}',
  'a text': '"resnet18"',
  'too many keys': `{${Array.from({ length: 50_001 }, (_, index) => `"k${index}":0`).join()}}`,
};

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.stop());

const send = (body: string, method = 'POST', path = '/predict') =>
  fetch(`${service.url}${path}`, { method, body, headers: { 'content-type': 'application/json' } });

async function answerTo(body: string) {
  const response = await send(body);
  const { status, headers } = response;
  const bytes = Buffer.from(await response.arrayBuffer());
  return {
    status,
    location: headers.get('location'),
    warnings: headers.get('x-ghn-warnings'),
    body: status === 200 ? bytes.toString('base64') : JSON.parse(bytes.toString()),
  };
}

describe('a large body', () => {
  it.each(Object.entries(BODIES))(
    'is answered like a small one with the same content: %s',
    async (_, body) => {
      const large = await answerTo(body + SPACES);
      // Deletes it first, since a stored prediction would be returned again.
      const { location } = large;
      if (location) await fetch(`${service.url}${location}`, { method: 'DELETE' });
      expect(await answerTo(body)).toEqual(large);
    },
  );

  it('stores the same graph and Keras model as a small one', async () => {
    const body = BODIES['a Keras model'].replace('"tiled"', '"tiled", "seed": 77');
    const parts = async (text: string) => {
      const { location } = await answerTo(text);
      const url = `${service.url}${location}`;
      // The first is answered while it is being stored, or after.
      const [architecture, model] = await Promise.all([
        json(`${url}/architecture`),
        json<{ modelTopology: unknown }>(`${url}/tfjs/model.json`),
      ]);
      const record = await json<{ architecture: unknown; warnings: unknown; request: unknown }>(url);
      await fetch(url, { method: 'DELETE' });
      return [architecture, model.modelTopology, record.architecture, record.warnings, record.request];
    };
    expect(await parts(body + SPACES)).toEqual(await parts(body));
  });

  it('has its graph available while the prediction is made', async () => {
    const body = BODIES['a graph'].replace('"seed": 3', '"seed": 4');
    const response = await fetch(`${service.url}/predict`, {
      method: 'POST',
      body: body + SPACES,
      headers: { 'content-type': 'application/json', prefer: 'respond-async' },
    });
    const { id } = (await response.json()) as { id: string };
    const name = (await json<{ name: string }>(`${service.url}/predictions/${id}/architecture`)).name;
    expect(name).toBe((JSON.parse(graph) as { name: string }).name);
  });

  it('has to be JSON on routes that ignore it', async () => {
    const id = '0'.repeat(32);
    const path = `/predictions/${id}`;
    expect((await send(`{}${SPACES}`, 'DELETE', path)).status).toBe(404);
    expect((await send(`{${SPACES}`, 'DELETE', path)).status).toBe(400);
  });
});
