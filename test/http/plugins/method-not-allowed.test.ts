import { METHODS } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectProblem } from '../../helpers/problems.js';
import { rawRequest } from '../../helpers/raw.js';
import { startService, type TestService } from '../../helpers/service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const OTHERS = METHODS.filter((method) => !['CONNECT', 'DELETE', 'GET', 'HEAD'].includes(method));

it.each(OTHERS)('%s is answered with the methods of the path', async (method) => {
  for (const [path, allow] of [
    ['/ghns', 'GET, HEAD'],
    ['/predictions/x', 'DELETE, GET, HEAD'],
  ]) {
    const { body, ...answer } = await rawRequest(service.url, method, path);
    expectProblem({ ...answer, body: JSON.parse(body) }, 405, { detail: new RegExp(`^${method} is not`) });
    expect(answer.headers.allow).toBe(allow);
  }
});

it.each(OTHERS)('%s of an unknown path is 404', async (method) => {
  expect((await rawRequest(service.url, method, '/nowhere')).status).toBe(404);
});

it('the body of a request to an unknown path is not read', async () => {
  const headers = 'content-type: application/json\r\ncontent-length: 100\r\n';
  expect((await rawRequest(service.url, 'POST', '/nowhere', headers)).status).toBe(404);
});
