import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltService, buildTestService, type TestSettings } from '../../../helpers/service.js';

let built: BuiltService;
let app: FastifyInstance;

function withSettings(settings: TestSettings): void {
  beforeAll(async () => {
    built = await buildTestService(settings);
    app = built.service.app;
  });
  afterAll(() => built.stop());
}

const get = (remoteAddress: string, key?: string, url = '/architectures') =>
  app.inject({ url, remoteAddress, headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });

/** Returns the statuses of `count` requests, sent one after the other. */
async function statuses(count: number, ask: (index: number) => ReturnType<typeof get>): Promise<number[]> {
  const found: number[] = [];
  for (let index = 0; index < count; index++) found.push((await ask(index)).statusCode);
  return found;
}

describe('a rate limit of 3 a minute', () => {
  withSettings({ RATE_LIMIT: '3' });

  it('applies to an address, tells when to try again, and does not affect other addresses', async () => {
    expect(await statuses(4, () => get('10.0.0.1'))).toEqual([200, 200, 200, 429]);
    const refused = await get('10.0.0.1');
    expect(refused.headers['content-type']).toContain('application/problem+json');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect((await get('10.0.0.2')).statusCode).toBe(200);
  });

  it('applies to an address that sends another key each time', async () => {
    expect(await statuses(4, (index) => get('10.0.0.3', `key-${index}`))).toEqual([200, 200, 200, 429]);
  });

  it('applies to unknown paths and methods', async () => {
    expect(await statuses(4, (index) => get('10.0.0.5', undefined, `/nowhere/${index}`))).toEqual([
      404, 404, 404, 429,
    ]);
    const put = () => app.inject({ method: 'PUT', url: '/architectures', remoteAddress: '10.0.0.6' });
    expect(await statuses(4, put)).toEqual([405, 405, 405, 429]);
  });

  it('refuses no probe', async () => {
    expect(await statuses(5, () => get('10.0.0.4', undefined, '/livez'))).toEqual([200, 200, 200, 200, 200]);
  });
});

describe('a rate limit of 3 a minute, with keys', () => {
  withSettings({ RATE_LIMIT: '3', API_KEYS: 'first,second' });

  it('applies to each key, from any address', async () => {
    expect(await statuses(4, (index) => get(`10.0.1.${index}`, 'first'))).toEqual([200, 200, 200, 429]);
    expect((await get('10.0.1.0', 'second')).statusCode).toBe(200);
  });

  it('applies to guesses of keys', async () => {
    expect(await statuses(5, (index) => get('10.0.2.1', `guess-${index}`))).toEqual([
      401, 401, 401, 429, 429,
    ]);
    expect((await get('10.0.2.2', 'guess')).statusCode).toBe(401);
  });

  it('applies by address to paths that need no key, whatever key is sent', async () => {
    const page = (index: number) => get('10.0.3.1', `key-${index}`, '/docs/static/index.html');
    expect((await statuses(4, page)).at(-1)).toBe(429);
  });
});

describe('security headers', () => {
  withSettings({});

  it('are on every answer, and no page of another origin may read it', async () => {
    const answer = await app.inject({
      url: '/architectures',
      headers: { origin: 'https://elsewhere.example' },
    });
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('forbid guessing the type of an answer even for unknown paths', async () => {
    const answer = await app.inject('/predictions/%zz');
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });
});

describe('CORS_ORIGINS', () => {
  withSettings({ CORS_ORIGINS: 'https://lab.example' });

  it.each([
    ['https://lab.example', 'https://lab.example'],
    ['https://elsewhere.example', undefined],
  ])('pages of %s read answers: %s', async (origin, allowed) => {
    const answer = await app.inject({ url: '/architectures', headers: { origin } });
    expect(answer.headers['access-control-allow-origin']).toBe(allowed);
  });

  it('lets pages delete predictions, and read the headers of answers', async () => {
    const origin = 'https://lab.example';
    const asked = { origin, 'access-control-request-method': 'DELETE' };
    const preflight = await app.inject({ method: 'OPTIONS', url: '/predictions/x', headers: asked });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers['access-control-allow-methods']).toBe('GET, HEAD, POST, DELETE');
    const answer = await app.inject({ url: '/architectures', headers: { origin } });
    const exposed = String(answer.headers['access-control-expose-headers']).split(', ');
    expect(exposed).toEqual(expect.arrayContaining(['preference-applied', 'www-authenticate', 'allow']));
  });

  it('answers an OPTIONS that is not a preflight as it does without CORS', async () => {
    const answer = await app.inject({ method: 'OPTIONS', url: '/predict' });
    expect(answer.headers.allow).toBe('POST');
    expect(answer.statusCode).toBe(405);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});
