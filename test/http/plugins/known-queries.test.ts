import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyGraph } from '../../architecture/fixtures.js';
import { expectProblem } from '../../helpers/problems.js';
import { startService, type TestService } from '../../helpers/service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const ID = '0'.repeat(32);

describe('an unknown query parameter', () => {
  it.each([
    '/ghns',
    '/architectures',
    '/architectures/resnet50',
    '/metrics',
    '/predictions',
    `/predictions/${ID}`,
    `/predictions/${ID}/architecture`,
    `/predictions/${ID}/events`,
    `/predictions/${ID}/statistics`,
    `/predictions/${ID}/tensors/fc.weight`,
    `/predictions/${ID}/tfjs/model.json`,
    `/predictions/${ID}/weights`,
  ])('is refused by GET %s, with its name', async (path) => {
    const answer = await request(service.url).get(`${path}?tensor=fc.weight`);
    expectProblem(answer, 422, { errors: [['/tensor', /^Unrecognized key/]] });
  });

  it('is refused with a body, because the weights would not be the intended ones', async () => {
    const answer = await request(service.url).post('/predict?dtype=F16').send({ architecture: tinyGraph() });
    expectProblem(answer, 422, { errors: [['/dtype', /^Unrecognized key/]] });
  });

  it('deletes nothing', async () => {
    const made = await request(service.url).post('/predict').send({ architecture: tinyGraph() });
    const answer = await request(service.url).delete(`${made.headers.location}?dry_run=true`);
    expectProblem(answer, 422, { errors: [['/dry_run', /^Unrecognized key/]] });
    expect((await request(service.url).get(made.headers.location)).status).toBe(200);
  });

  it.each(['/livez', '/readyz', '/docs'])('is ignored by GET %s', async (path) => {
    const { status } = await request(service.url).get(`${path}?now=1`);
    expect(status).toBeLessThan(400);
  });
});
