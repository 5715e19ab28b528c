import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectProblem } from '../helpers/problems.js';
import { raw } from '../helpers/raw.js';
import { startService, type TestService } from '../helpers/service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

it.each([
  ['without a host', 'GET /livez HTTP/1.1\r\n\r\n', 400],
  ['that expects what there is not', 'GET /livez HTTP/1.1\r\nhost: x\r\nexpect: tea\r\n\r\n', 417],
  ['for a proxy', 'CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n', 501],
])('a request %s is answered with a problem', async (_, text, status) => {
  const { body, ...answer } = await raw(service.url, text);
  expectProblem({ ...answer, body: JSON.parse(body) }, status);
  expect(answer.headers['x-content-type-options']).toBe('nosniff');
});
