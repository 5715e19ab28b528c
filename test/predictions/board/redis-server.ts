import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
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

/** Servers that are one to whoever asks. */
export interface RedisServers {
  readonly url: string;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

interface Process {
  readonly port: number;
  readonly folder: string;
  stop(): Promise<void>;
}

/** One server with settings of its own. */
async function launch(
  settings: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<Process> {
  const folder = await mkdtemp(join(tmpdir(), 'ghn-redis-'));
  const port = await freePort();
  const all = { port: String(port), bind: '127.0.0.1', dir: folder, save: '', ...settings };
  const lines = Object.entries(all).map(([name, value]) => `${name} ${value || '""'}`);
  const file = join(folder, 'redis.conf');
  await writeFile(file, `${lines.join('\n')}\n`);
  const child = spawn(SERVER!, [file, ...args], { stdio: 'ignore' });
  return {
    port,
    folder,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const PASSWORD = 'pass@word%/:';
const CREDENTIALS = `:${encodeURIComponent(PASSWORD)}@`;

async function asking<T>(port: number, ask: (redis: Redis) => Promise<T>, password = PASSWORD): Promise<T> {
  const redis = new Redis({ port, password, retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => {});
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

/** Polls until something is so. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo().catch(() => false))) await setTimeout(50);
}

const SLOTS = 16_384;

/** A cluster of three servers, each with a third of the slots. */
export async function startRedisCluster(): Promise<RedisServers> {
  const settings = { 'cluster-enabled': 'yes', requirepass: PASSWORD, masterauth: PASSWORD };
  const nodes = await Promise.all([1, 2, 3].map(() => launch(settings)));
  const each = <T>(ask: (redis: Redis, k: number) => Promise<T>) =>
    Promise.all(nodes.map(({ port }, k) => asking(port, (redis) => ask(redis, k))));
  const first = (k: number) => Math.ceil((k * SLOTS) / nodes.length);
  await each(async (redis, k) => {
    const slots = Array.from({ length: first(k + 1) - first(k) }, (_, slot) => first(k) + slot);
    await redis.cluster('ADDSLOTS', ...slots);
    for (const { port } of nodes) await redis.cluster('MEET', '127.0.0.1', port);
  });
  await until(async () => {
    const told = await each((redis) => redis.cluster('INFO') as Promise<string>);
    return told.every((info) => /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info));
  });
  return {
    url: `redis+cluster://${CREDENTIALS}${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    flush: async () => void (await each((redis) => redis.flushall())),
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
}

export interface SentinelServers extends RedisServers {
  /** Ends the server as a crash does; resolves when its replica is in its place. */
  failOver(): Promise<void>;
}

/** A server, its replica, and a Sentinel that has the replica take over. */
export async function startRedisSentinel(): Promise<SentinelServers> {
  const settings = { requirepass: PASSWORD, masterauth: PASSWORD };
  const main = await launch(settings);
  const replica = await launch({ ...settings, replicaof: `127.0.0.1 ${main.port}` });
  await until(() =>
    asking(main.port, async (redis) => /connected_slaves:1/.test(await redis.info('replication'))),
  );
  const sentinel = await launch(
    {
      'sentinel monitor': `ghn 127.0.0.1 ${main.port} 1`,
      'sentinel auth-pass': `ghn ${PASSWORD}`,
      'sentinel down-after-milliseconds': 'ghn 500',
      'sentinel failover-timeout': 'ghn 2000',
    },
    ['--sentinel'],
  );
  const current = () =>
    asking(sentinel.port, (redis) => redis.call('SENTINEL', 'get-master-addr-by-name', 'ghn'), '').then(
      (address) => Number((address as [string, string])[1]),
    );
  await until(() =>
    asking(
      sentinel.port,
      async (redis) => ((await redis.call('SENTINEL', 'replicas', 'ghn')) as unknown[]).length === 1,
      '',
    ),
  );
  return {
    url: `redis+sentinel://${CREDENTIALS}127.0.0.1:${sentinel.port}/ghn/3`,
    flush: async () => void (await asking(await current(), (redis) => redis.flushall())),
    async failOver() {
      await main.stop();
      await until(async () => {
        const role = await asking(replica.port, (redis) => redis.role());
        return role[0] === 'master' && (await current()) === replica.port;
      });
    },
    stop: async () => void (await Promise.all([sentinel, main, replica].map((server) => server.stop()))),
  };
}
