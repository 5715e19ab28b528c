import Fastify, { type FastifyInstance } from 'fastify';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { type PressureOptions, pressure } from '../../../src/http/plugins/pressure.js';
import { problems } from '../../../src/http/plugins/problems.js';
import { requestId, requestIdOf } from '../../../src/http/plugins/request-id.js';
import { readSettings } from '../../../src/settings/settings.js';
import { expectProblem } from '../../helpers/problems.js';

/** Longer than the plugin's interval. */
const BLOCKED_MS = 1500;

let app: FastifyInstance;
afterEach(() => app.close());

const settings = { maxEventLoopDelayMilliseconds: readSettings({}).MAX_EVENT_LOOP_DELAY_MS };

async function start(options: Partial<PressureOptions>) {
  const refusals: string[] = [];
  app = Fastify({ genReqId: requestIdOf });
  await app.register(problems);
  await app.register(requestId);
  await app.register(pressure, { ...settings, ...options, onRefusal: (reason) => refusals.push(reason) });
  for (const path of ['/livez', '/readyz', '/metrics', '/ghns']) app.get(path, async () => 'ok');
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { refusals, statusOf: async (path: string) => (await request(app.server).get(path)).status };
}

function block(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

describe('a service under pressure', () => {
  it.each([
    ['its heap', { maxHeapBytes: 1 }],
    ['its resident memory', { maxResidentBytes: 1 }],
  ])('refuses with 503 while %s is above its limit, except probes', async (_, options) => {
    const { refusals, statusOf } = await start(options);
    await expect.poll(() => statusOf('/ghns')).toBe(503);
    const answer = await request(app.server).get('/ghns');
    expectProblem(answer, 503, { detail: 'the service is short of memory; try again' });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    for (const path of ['/livez', '/readyz', '/metrics']) expect(await statusOf(path)).toBe(200);
    expect(new Set(refusals)).toEqual(new Set(['memory']));
  });

  it('refuses only while everything is late', async () => {
    const { refusals, statusOf } = await start({ maxEventLoopDelayMilliseconds: 500 });
    await expect
      .poll(async () => {
        block(BLOCKED_MS);
        return statusOf('/ghns');
      })
      .toBe(503);
    await expect.poll(() => statusOf('/ghns')).toBe(200);
    expect(refusals[0]).toBe('event loop');
  });

  it('refuses nothing within the default limits', async () => {
    const { refusals, statusOf } = await start({});
    // Longer than the parsing of the largest body.
    const end = performance.now() + BLOCKED_MS;
    while (performance.now() < end) {
      block(200);
      expect(await statusOf('/ghns')).toBe(200);
    }
    expect(refusals).toEqual([]);
  });
});
