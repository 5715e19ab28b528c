import { Redis } from 'ioredis';
import { PredictorUnavailableError } from '../../../predictor/executor.js';

/** In one hash slot, so that a cluster of Redis servers takes scripts over several keys. */
export const PREFIX = '{ghn}';

/** A request does not wait longer than this for a server that is away. */
const COMMAND_TIMEOUT_MS = 2000;

const MAX_RETRY_DELAY_MS = 1000;

/** Connects to `redis://` or `rediss://`, and again whenever the connection is lost. */
export function connect(url: string, { isBlocking = false } = {}): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: isBlocking ? null : 1,
    retryStrategy: (times) => Math.min(100 * times, MAX_RETRY_DELAY_MS),
    ...(!isBlocking && { commandTimeout: COMMAND_TIMEOUT_MS }),
  });
  // Each command that fails says so; an error without a listener would end the process.
  redis.on('error', () => {});
  return redis;
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
  /ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|Command timed out|Connection is closed|max retries|LOADING|READONLY/i;

const isOutOfReach = (error: unknown) =>
  error instanceof Error && (OUT_OF_REACH.test(error.message) || error.name === 'MaxRetriesPerRequestError');
