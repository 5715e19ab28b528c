import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointFile, holdEngine, startService, type TestService } from '../helpers/service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const get = (path: string) => request(service.url).get(path);

const fileDigest = (file: string) =>
  `sha256:${createHash('sha256')
    .update(readFileSync(checkpointFile(file)))
    .digest('hex')}`;

describe('GET /ghns', () => {
  it('lists the loaded GHNs, with their properties and their engine', async () => {
    const { status, body } = await get('/ghns');
    expect(status).toBe(200);
    expect(body).toEqual({
      ghns: [
        {
          id: 'ghn3-nano',
          family: 'ghn3',
          hidden: 16,
          layers: 2,
          heads: expect.any(Number),
          max_shape: [32, 32, 11, 11],
          num_classes: 10,
          parameters: expect.any(Number),
          digest: fileDigest('ghn3-nano.pt'),
          default: true,
        },
        {
          id: 'ghn2-nano',
          family: 'ghn2',
          hidden: 16,
          layers: 1,
          heads: 0,
          max_shape: [32, 32, 11, 11],
          num_classes: 10,
          parameters: expect.any(Number),
          digest: fileDigest('ghn2-nano.pt'),
          default: false,
        },
      ],
      engine: 'onnxruntime',
      device: 'cpu',
      card: null,
    });
    expect(body.ghns[0].parameters).toBeGreaterThan(100_000);
  });
});

describe('health', () => {
  it('is good once the GHNs are loaded', async () => {
    for (const path of ['/livez', '/readyz']) {
      const { status, body } = await get(path);
      expect({ path, status, body }).toEqual({ path, status: 200, body: { status: 'ok' } });
    }
  });

  it('can be requested while the engine is busy', async () => {
    const release = holdEngine(service);
    expect((await get('/livez')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    release();
  });
});

describe('the documentation', () => {
  it('is a page that a browser can open, with all that it loads', async () => {
    const page = await get('/docs').redirects(2);
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    const assets = [...page.text.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => path);
    expect(assets.length).toBeGreaterThan(2);
    for (const asset of assets) {
      expect((await get(new URL(asset, `${service.url}/docs/`).pathname)).status, asset).toBe(200);
    }
  });

  it('is generated from /openapi.json, which equals the committed file', async () => {
    const { status, headers, body } = await get('/openapi.json');
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^application\/json/);
    const file = new URL('../../openapi/openapi.json', import.meta.url);
    expect(body).toEqual(JSON.parse(readFileSync(file, 'utf8')));
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/predict',
        '/predictions/{id}/weights',
        '/ghns',
        '/metrics',
        '/livez',
        '/readyz',
      ]),
    );
  });

  it('has no path that the service does not know', async () => {
    const { body } = await get('/openapi.json');
    for (const [path, methods] of Object.entries<object>(body.paths)) {
      const url = path.replaceAll(/\{[^}]*\}/g, 'x');
      const wrong = await request(service.url).patch(url);
      expect(wrong.status, path).toBe(405);
      const allowed = String(wrong.headers.allow).toLowerCase().split(', ');
      expect(allowed, path).toEqual(expect.arrayContaining(Object.keys(methods)));
    }
  });
});

describe('a request’s id', () => {
  it('is the client’s own if its form is valid', async () => {
    for (const id of ['abc', 'A1.b:2/c+d=e_f-g', 'x'.repeat(128)]) {
      expect((await get('/livez').set('x-request-id', id)).headers['x-request-id']).toBe(id);
    }
  });

  it('is generated if the client gives none, or one that is unsafe in a log', async () => {
    const ids = new Set<string>();
    for (const given of [undefined, '', 'a b', '"', 'x'.repeat(129), 'é']) {
      const response = await (given === undefined ? get('/livez') : get('/livez').set('x-request-id', given));
      const id = response.headers['x-request-id'];
      expect(id).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
      ids.add(id);
    }
    expect(ids.size).toBe(6);
  });

  it('is in every answer', async () => {
    const answers = await Promise.all([
      get('/nowhere'),
      get('/predictions/%zz'),
      get(`/predictions/${'a'.repeat(500)}`),
      get('/docs'),
      get('/metrics'),
      request(service.url).put('/predict'),
      request(service.url).post('/predict').type('text/plain').send('x'),
      request(service.url).head('/livez'),
    ]);
    for (const { status, headers } of answers) expect(headers['x-request-id'], `${status}`).toBeDefined();
  });
});
