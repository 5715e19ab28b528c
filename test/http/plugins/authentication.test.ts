import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyGraph } from '../../architecture/fixtures.js';
import { expectProblem } from '../../helpers/problems.js';
import { raw } from '../../helpers/raw.js';
import { NANO_GHNS, startService, type TestService } from '../../helpers/service.js';

const PLAIN = 'a-key-as-it-is';
const HASHED = 'a-key-of-which-the-settings-have-the-digest';
const WRONG = 'a-key-that-nobody-has-given-out';
const DIGEST = createHash('sha256').update(HASHED).digest('hex');
const API_KEYS = `${PLAIN},sha256:${DIGEST}`;

describe('with METRICS_KEY set', () => {
  const SCRAPE = 'a-key-for-prometheus';
  const status = async ({ url }: TestService, path: string, key?: string) =>
    (
      await request(url)
        .get(path)
        .set(key ? { authorization: `Bearer ${key}` } : {})
    ).status;

  it('that key opens only /metrics, in addition to the other keys', async () => {
    const service = await startService({ API_KEYS, METRICS_KEY: SCRAPE });
    expect(await status(service, '/metrics')).toBe(401);
    expect(await status(service, '/metrics', WRONG)).toBe(401);
    expect(await status(service, '/metrics', SCRAPE)).toBe(200);
    expect(await status(service, '/metrics', PLAIN)).toBe(200);
    expect(await status(service, '/ghns', SCRAPE)).toBe(401);
    await service.stop();
  });

  it('only /metrics needs a key if there are no others', async () => {
    const service = await startService({ METRICS_KEY: SCRAPE });
    expect(await status(service, '/metrics')).toBe(401);
    expect(await status(service, '/metrics', SCRAPE)).toBe(200);
    expect(await status(service, '/ghns')).toBe(200);
    await service.stop();
  });
});

describe('with API_KEYS set', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ API_KEYS });
  });
  afterAll(() => service.stop());

  const get = (path: string, authorization?: string) => {
    const asked = request(service.url).get(path);
    return authorization === undefined ? asked : asked.set('authorization', authorization);
  };

  it.each([PLAIN, HASHED])('%s is a key', async (key) => {
    expect((await get('/ghns', `Bearer ${key}`)).status).toBe(200);
    expect((await get('/ghns', `bearer  ${key}`)).status).toBe(200);
  });

  it.each([
    ['no key', undefined],
    ['another key', `Bearer ${WRONG}`],
    ['the beginning of a key', `Bearer ${PLAIN.slice(0, -1)}`],
    ['a key and more', `Bearer ${PLAIN}x`],
    ['two keys', `Bearer ${PLAIN} ${PLAIN}`],
    ['an empty key', 'Bearer '],
    ['the digest of a key', `Bearer ${DIGEST}`],
    ['the digest as the settings have it', `Bearer sha256:${DIGEST}`],
    ['a key of another scheme', `Basic ${PLAIN}`],
    ['a key without a scheme', PLAIN],
  ])('%s is answered with 401 on every path', async (_, authorization) => {
    for (const path of [
      '/ghns',
      '/metrics',
      '/openapi.json',
      '/predictions',
      '/nowhere',
      '/livez/x',
      '/docsx',
    ]) {
      const answer = await get(path, authorization);
      expectProblem(answer, 401, { detail: /authorization: Bearer KEY/ });
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  it.each(['/livez', '/readyz', '/docs'])('%s needs no key', async (path) => {
    expect((await get(path).redirects(2)).status).toBe(200);
  });

  it('the body of a request without a key is not read', async () => {
    const answer = await request(service.url).post('/predict').type('json').send('{"architecture": ');
    expectProblem(answer, 401);
  });
});

describe('the log', () => {
  it('never contains a key, with LOG_LEVEL=trace', async () => {
    const store = await mkdtemp(join(tmpdir(), 'ghn-serve-test-'));
    const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
    const program = spawn(process.execPath, ['--import', 'tsx', main], {
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        STORE: store,
        GHN_CHECKPOINTS: NANO_GHNS,
        LOG_LEVEL: 'trace',
        API_KEYS,
      },
    });
    let log = '';
    for (const stream of [program.stdout, program.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        log += chunk.toString();
      });
    }
    const exit = once(program, 'close');
    await expect.poll(() => log).toContain('"msg":"ready"');
    const url = /http:\/\/[\d.:]+/.exec(log)![0];

    const seen: number[] = [];
    for (const key of [PLAIN, HASHED, WRONG]) {
      const authorization = `Bearer ${key}`;
      const post = (body: object | string) =>
        request(url).post('/predict').set('authorization', authorization).type('json').send(body);
      for (const answer of [
        await post({ architecture: tinyGraph(), seed: key.length }),
        await post({ architecture: {} }),
        await post('{'),
        await request(url).get('/nowhere').set('authorization', authorization),
        await request(url).delete('/ghns').set('authorization', authorization),
        await request(url).get('/predictions/%zz').set('authorization', authorization),
        await raw(url, `GET / HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n: y\r\n\r\n`),
        await raw(url, `GET /${'a'.repeat(60_000)} HTTP/1.1\r\nauthorization: ${authorization}\r\n\r\n`),
      ]) {
        seen.push(answer.status);
      }
    }
    program.kill('SIGTERM');
    await exit;
    await rm(store, { recursive: true });

    expect(new Set(seen)).toEqual(new Set([200, 422, 400, 404, 405, 401, 431]));
    expect(log).toContain('prediction');
    for (const secret of [PLAIN, HASHED, WRONG, DIGEST]) expect(log).not.toContain(secret);
    expect(log).not.toMatch(/bearer/i);
  });
});
