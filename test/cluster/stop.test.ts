import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { tinyGraph } from '../architecture/fixtures.js';
import { ServiceProcess } from '../clients/service-process.js';
import { NO_REDIS, type RedisServer, startRedis } from '../predictions/board/redis-server.js';
import { BUCKET, NO_SERVER, type S3Server, startS3 } from '../store/s3/server.js';
import { startLink } from './link.js';

const MISSING = NO_SERVER ?? NO_REDIS;

/** Longer than the test runner waits. */
const LATE_MS = 3_600_000;

const BEGUN = 6;

describe.skipIf(MISSING)(`SIGTERM ends a service${MISSING ? ` (${MISSING})` : ''}`, () => {
  let s3: S3Server;
  let redis: RedisServer;
  beforeAll(async () => {
    [s3, redis] = await Promise.all([startS3(), startRedis()]);
  });
  afterAll(() => Promise.all([s3?.stop(), redis?.stop()]));

  let started = 0;
  const startBehindLinks = async () => {
    const links = {
      bucket: await startLink(s3.port),
      Redis: await startLink(Number(new URL(redis.url).port)),
    };
    const service = await ServiceProcess.start(`s3://${BUCKET}/stop-${++started}`, {
      S3_ENDPOINT: `http://127.0.0.1:${links.bucket.port}`,
      QUEUE: `redis://127.0.0.1:${links.Redis.port}/${started}`,
      REQUEST_TIMEOUT_MS: String(LATE_MS),
    });
    onTestFinished(async () => {
      await service.kill();
      for (const link of Object.values(links)) link.close();
    });
    return { service, links };
  };
  /** Sends a request and resolves with the status of its answer, or null if there is none. */
  const ask = ({ url }: ServiceProcess, seed: number) =>
    fetch(`${url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(seed % 3 === 0 && { prefer: 'respond-async' }) },
      body: JSON.stringify({ architecture: tinyGraph(), seed }),
    }).then(
      ({ status }) => status,
      () => null,
    );

  it.each<[string, ('bucket' | 'Redis')[], 'silence' | 'cut']>([
    ['whose bucket is silent', ['bucket'], 'silence'],
    ['whose bucket is gone', ['bucket'], 'cut'],
    ['whose Redis is silent', ['Redis'], 'silence'],
    ['whose Redis is gone', ['Redis'], 'cut'],
    ['whose bucket and Redis are silent', ['bucket', 'Redis'], 'silence'],
  ])('%s, and refuses those who wait', async (_, lost, how) => {
    const { service, links } = await startBehindLinks();
    await expect.poll(() => ask(service, 1)).toBe(200);
    const asked = Array.from({ length: BEGUN }, (_, k) => ask(service, 2 + k));
    for (const name of lost) links[name][how]();
    await service.stop();
    expect(service.exitCode).toBe(0);
    for (const status of await Promise.all(asked)) {
      expect([200, 202, 503, null]).toContain(status);
    }
  });
});
