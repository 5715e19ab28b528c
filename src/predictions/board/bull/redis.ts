import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { PredictorUnavailableError } from '../../../predictor/executor.js';
import { parseRedisUrl } from './redis-url.js';

/** In one hash slot, so that a cluster of Redis servers takes scripts over several keys. */
export const PREFIX = '{ghn}';

/** A request does not wait longer than this for a server that is away. */
const COMMAND_TIMEOUT_MS = 2000;

const MAX_RETRY_DELAY_MS = 1000;

/** One server, whichever that is at the moment, or a cluster of them. */
export type RedisServers = Redis | Cluster;

/** Connects to what `parseRedisUrl` reads, and again whenever the connection is lost. */
export function connect(url: string, { isBlocking = false } = {}): RedisServers {
  const place = parseRedisUrl(url);
  if (!place) throw new Error('no address of Redis');
  const { kind, hosts, name, username, password, database, isEncrypted } = place;
  const retryStrategy = (times: number) => Math.min(100 * times, MAX_RETRY_DELAY_MS);
  const common: RedisOptions = {
    username,
    password,
    db: database,
    maxRetriesPerRequest: isBlocking ? null : 1,
    ...(isEncrypted && { tls: {} }),
    ...(!isBlocking && { commandTimeout: COMMAND_TIMEOUT_MS }),
  };
  // Each command that fails says so; an error without a listener would end the process.
  const listen = <T extends RedisServers>(redis: T): T => redis.on('error', () => {}) as T;
  if (kind === 'cluster') {
    return listen(
      new Cluster([...hosts], {
        redisOptions: common,
        clusterRetryStrategy: retryStrategy,
        // Whoever waits for an answer is told at once that no server can be reached.
        enableOfflineQueue: isBlocking,
      }),
    );
  }
  const readonly = {
    retryStrategy,
    // The server that answers has become a replica of another.
    reconnectOnError: ({ message }: Error) => (message.startsWith('READONLY') ? 2 : false),
  } as const;
  if (kind === 'server') return listen(new Redis({ ...common, ...readonly, ...hosts[0] }));
  return listen(
    new Redis({
      ...common,
      ...readonly,
      sentinels: [...hosts],
      name,
      sentinelRetryStrategy: retryStrategy,
      enableTLSForSentinelMode: isEncrypted,
    }),
  );
}

/** @throws PredictorUnavailableError where the server does not answer */
export async function reaching<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    throw new PredictorUnavailableError('the queue cannot be reached; try again', { cause: error });
  }
}

const OUT_OF_REACH =
  /ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|Command timed out|Connection is closed|max retries|LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|Cluster isn't ready|All sentinels are unreachable|Failed to refresh slots cache|None of startup nodes/i;

const isOutOfReach = (error: unknown) =>
  error instanceof Error && (OUT_OF_REACH.test(error.message) || error.name === 'MaxRetriesPerRequestError');
