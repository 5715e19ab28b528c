/**
 * Measures how much several machines add to each prediction: `npm run bench:cluster`. Requests the same small networks
 * from one process with a directory, one with a bucket, one with a bucket and Redis, and an api with a worker. It sends
 * one request after the other, in turns, so that other work on the machine slows all of them alike. Needs versitygw and
 * redis-server, as docs/cluster.md says.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectBucket } from '../../src/store/s3/bucket.js';
import { tinyGraph } from '../../test/architecture/fixtures.js';
import { AS_BUILT, ServiceProcess } from '../../test/clients/service-process.js';
import { NO_REDIS, startRedis } from '../../test/predictions/board/redis-server.js';
import { BUCKET, NO_SERVER, startS3 } from '../../test/store/s3/server.js';

const ROUNDS = Number(process.env.ROUNDS ?? 200);
const WARM_UP = 20;

const missing = NO_SERVER ?? NO_REDIS;
if (missing) throw new Error(missing);

const [s3, redis] = await Promise.all([startS3(), startRedis()]);
const directory = await mkdtemp(join(tmpdir(), 'ghn-serve-bench-'));
const bucket = { S3_ENDPOINT: s3.endpoint };
const running: ServiceProcess[] = [];

async function start(store: string, settings: Record<string, string>): Promise<ServiceProcess> {
  const service = await ServiceProcess.start(store, { ...settings, RATE_LIMIT: '0' }, AS_BUILT);
  running.push(service);
  return service;
}

/** Returns the milliseconds from a request to its answer, for a network that is not stored. */
async function predict({ url }: ServiceProcess, seed: number): Promise<number> {
  const began = performance.now();
  const response = await fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ architecture: tinyGraph(), seed }),
  });
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`POST /predict answered ${response.status}`);
  return performance.now() - began;
}

try {
  const one = await start(join(directory, 'store'), {});
  const stored = await start(`s3://${BUCKET}/one`, bucket);
  const queued = await start(`s3://${BUCKET}/two`, { ...bucket, QUEUE: `${redis.url}/1` });
  const shared = { ...bucket, QUEUE: `${redis.url}/2` };
  await start(`s3://${BUCKET}/three`, { ...shared, ROLE: 'worker' });
  const api = await start(`s3://${BUCKET}/three`, { ...shared, ROLE: 'api' });
  const subjects = [
    ['one process, directory', one],
    ['one process, bucket', stored],
    ['one process, bucket and Redis', queued],
    ['api and worker, bucket and Redis', api],
  ] as const;

  const raw = new ObjectBucket({ bucket: BUCKET, prefix: 'raw/', endpoint: s3.endpoint });
  const puts: number[] = [];
  const times = new Map<string, number[]>(subjects.map(([name]) => [name, []]));
  for (let seed = 1; seed <= WARM_UP + ROUNDS; seed++) {
    const isCounted = seed > WARM_UP;
    const began = performance.now();
    await raw.put(`object-${seed}`, Buffer.alloc(10_000, seed), { isNew: true });
    if (isCounted) puts.push(performance.now() - began);
    for (const [name, service] of subjects) {
      const time = await predict(service, seed);
      if (isCounted) times.get(name)!.push(time);
    }
  }
  raw.close();

  const at = (all: readonly number[], part: number) =>
    all.toSorted((a, b) => a - b)[Math.floor(part * (all.length - 1))];
  const alone = times.get(subjects[0][0])!;
  const line = (name: string, all: readonly number[]) =>
    `${name.padEnd(34)}${[0.1, 0.5, 0.95].map((part) => `${at(all, part).toFixed(1).padStart(8)} ms`).join('')}`;
  console.log(`${ROUNDS} new networks each: a tenth of them faster than, half of them, 95 % of them\n`);
  console.log(line('one PUT of 10 kB', puts));
  for (const [name, all] of times) {
    const beyond = (part: number) => (at(all, part) - at(alone, part) - at(puts, part)).toFixed(1);
    const more = all === alone ? '' : `   beyond one process and one PUT: ${beyond(0.1)}, ${beyond(0.5)} ms`;
    console.log(line(name, all) + more);
  }
} finally {
  await Promise.all(running.map((service) => service.stop()));
  await Promise.all([s3.stop(), redis.stop(), rm(directory, { recursive: true, force: true })]);
}
