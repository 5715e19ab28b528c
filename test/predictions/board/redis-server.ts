import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../store/s3/server.js';

const SERVER = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'redis-server'))
  .find(existsSync);

/** Why tests on Redis are left out, if they are. */
export const NO_REDIS = SERVER ? null : 'no redis-server: apt-get install redis-server';

export interface RedisServer {
  readonly url: string;
  /** Forgets everything. */
  flush(): Promise<void>;
  /** Does with a connection of its own what another client could. */
  ask(what: (redis: Redis) => Promise<unknown>): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it again, on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @param isKept whether it writes every change to its disk, and has them again after it was killed */
export async function startRedis({ isKept = false } = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'ghn-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let process = launch();
  function launch() {
    const kept = ['--appendonly', isKept ? 'yes' : 'no', '--appendfsync', 'always'];
    const address = ['--port', String(port), '--bind', '127.0.0.1'];
    return spawn(SERVER!, [...address, '--save', '', '--dir', folder, ...kept], { stdio: 'ignore' });
  }
  const ask = async (what: (redis: Redis) => Promise<unknown>) => {
    const redis = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
    redis.on('error', () => {});
    await what(redis);
    redis.disconnect();
  };
  await ask((redis) => redis.ping());
  const kill = async () => {
    const ended = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await ended;
  };
  return {
    url,
    ask,
    flush: () => ask((redis) => redis.flushall()),
    kill,
    async start() {
      process = launch();
      await ask((redis) => redis.ping());
    },
    async stop() {
      if (process.exitCode === null && process.signalCode === null) await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
