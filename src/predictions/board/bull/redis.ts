import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { PredictorUnavailableError } from '../../../predictor/executor.js';
import { parseRedisUrl } from './redis-url.js';

/**
 * The prefix of all keys. The braces put them into one hash slot, so that a cluster of Redis accepts scripts over
 * several keys.
 */
export const PREFIX = '{ghn}';

/** Time limit for a command, in case the server does not answer. */
const COMMAND_TIMEOUT_MS = 2000;

const MAX_RETRY_DELAY_MS = 1000;

/** One server, which may change if it has replicas, or a cluster. */
export type RedisServers = Redis | Cluster;

/** Connects to the place that `parseRedisUrl` reads, and again whenever the connection is lost. */
export function connect(url: string, { isBlocking = false } = {}): RedisServers {
  const place = parseRedisUrl(url);
  if (!place) throw new Error('not an address of Redis');
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
  // Failing commands reject by themselves. An error event without a listener would end the process.
  const listen = <T extends RedisServers>(redis: T): T => redis.on('error', () => {}) as T;
  if (kind === 'cluster') {
    return listen(
      new Cluster([...hosts], {
        redisOptions: common,
        clusterRetryStrategy: retryStrategy,
        // Commands of waiting requests fail at once if no server can be reached.
        enableOfflineQueue: isBlocking,
      }),
    );
  }
  const readonly = {
    retryStrategy,
    // Reconnects if the server has become a replica of another.
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

/** @throws PredictorUnavailableError if Redis does not answer */
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
