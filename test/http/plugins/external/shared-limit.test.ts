import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type BuiltService, buildTestService } from '../../../helpers/service.js';
import { NO_REDIS, type RedisServer, startRedis } from '../../../predictions/board/redis-server.js';
import { BUCKET, NO_SERVER, type S3Server, startS3 } from '../../../store/s3/server.js';

const MISSING = NO_SERVER ?? NO_REDIS;

describe.skipIf(MISSING)(`a rate limit of two services on one Redis${MISSING ? ` (${MISSING})` : ''}`, () => {
  let s3: S3Server;
  let redis: RedisServer;
  let services: BuiltService[];
  beforeAll(async () => {
    [s3, redis] = await Promise.all([startS3(), startRedis()]);
    const settings = {
      STORE: `s3://${BUCKET}/limit`,
      S3_ENDPOINT: s3.endpoint,
      QUEUE: redis.url,
      ROLE: 'api',
      RATE_LIMIT: '4',
    };
    services = [await buildTestService(settings), await buildTestService(settings)];
    const areUp = async () => (await Promise.all([0, 1].map(redisUp))).every((up) => up === 1);
    await vi.waitUntil(areUp, { timeout: 50_000 });
  });
  afterAll(async () => {
    await Promise.all((services ?? []).map((service) => service.stop()));
    await Promise.all([redis?.stop(), s3?.stop()]);
  });

  const app = (k: number) => services[k % 2].service.app;
  /** Returns the statuses of requests from one client, sent to the two services in turn. */
  const statuses = async (count: number, remoteAddress: string) => {
    const found: number[] = [];
    for (let k = 0; k < count; k++) {
      found.push((await app(k).inject({ url: '/architectures', remoteAddress })).statusCode);
    }
    return found;
  };
  let looks = 0;
  const redisUp = async (k: number) => {
    // Each time from another address, so that it is not limited.
    const remoteAddress = `10.1.${Math.floor(looks / 200)}.${looks++ % 200}`;
    const { body } = await app(k).inject({ url: '/metrics', remoteAddress });
    return Number(/^ghn_serve_redis_up (\d)$/m.exec(body)?.[1] ?? Number.NaN);
  };

  it('counts a client’s requests to both', async () => {
    expect(await statuses(6, '10.0.0.1')).toEqual([200, 200, 200, 200, 429, 429]);
    expect(await statuses(1, '10.0.0.2')).toEqual([200]);
    const refused = await app(1).inject({ url: '/architectures', remoteAddress: '10.0.0.1' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('applies to each service separately while Redis is away', async () => {
    await redis.kill();
    expect(await statuses(6, '10.0.0.3')).toEqual([200, 200, 200, 200, 200, 200]);
    await expect.poll(() => Promise.all([0, 1].map(redisUp))).toEqual([0, 0]);
    expect(await statuses(9, '10.0.0.4')).toEqual([200, 200, 200, 200, 200, 200, 200, 200, 429]);
    await redis.start();
    await expect.poll(() => Promise.all([0, 1].map(redisUp))).toEqual([1, 1]);
    expect(await statuses(6, '10.0.0.5')).toEqual([200, 200, 200, 200, 429, 429]);
  });
});
