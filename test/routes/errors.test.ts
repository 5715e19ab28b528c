import request from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROBLEM_CODES, PROBLEM_KINDS, type ProblemCode } from '../../src/http/problems/problem-kinds.js';
import { startService, type TestService } from '../helpers/service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService({ API_KEYS: 'secret' });
});
afterAll(() => service.stop());

const ask = (method: 'get' | 'post', path: string) =>
  request(service.url)[method](path).set('authorization', 'Bearer secret');

it('every problem links to its entry on a page that needs no key', async () => {
  const { status, body } = await request(service.url).get('/ghns');
  expect(status).toBe(401);
  const { pathname, hash } = new URL(body.type, service.url);
  const page = await request(service.url).get(pathname);
  expect(page.status).toBe(200);
  expect(page.headers['content-type']).toMatch(/^text\/html/);
  expect(page.text).toContain(`id="${hash.slice(1)}"`);
  for (const code of PROBLEM_CODES) expect(page.text).toContain(`<section id="${code}">`);
});

it.each<[ProblemCode, 'get' | 'post', string, unknown]>([
  ['not_found', 'get', '/nothing', undefined],
  ['not_found', 'post', '/predict', { architecture: 'resnet5' }],
  ['method_not_allowed', 'post', '/ghns', undefined],
  ['bad_request', 'post', '/predict', '{'],
  ['unsupported_media_type', 'post', '/predict', Buffer.from('x')],
  ['invalid_request', 'post', '/predict', {}],
])('%s is the code of %s %s with %j', async (code, method, path, sent) => {
  const asked = ask(method, path);
  const type = Buffer.isBuffer(sent) ? 'application/octet-stream' : 'application/json';
  const { status, body } = await (sent === undefined
    ? asked
    : asked.set('content-type', type).send(sent as object));
  expect([body.code, status]).toEqual([code, PROBLEM_KINDS[code].status]);
});

it('the detail of a request that does not validate is its first fault, and the number of faults', async () => {
  const { body } = await ask('post', '/predict').send({ architecture: 'resnet18', seed: -1, dtype: 'F64' });
  const [first] = body.errors;
  expect(body.errors).toHaveLength(2);
  expect(body.detail).toBe(`${first.path}: ${first.message} (and 1 more, in errors)`);
});
