import { createHash } from 'node:crypto';
import { keptOf } from '../../../architecture/text.js';
import { PredictorUnavailableError } from '../../../predictor/executor.js';
import type { PredictionRemains } from '../../../store/store.js';
import { currentTraceparent } from '../../../tracing/tracer.js';
import { checkSize, OverloadedError, type Refusal, retryAfter } from '../../admission.js';
import { secondsAt } from '../../pace.js';
import type { Plan } from '../../plan.js';
import { type Channel, isActive, isLive, jobId, KEPT } from './channel.js';
import type { Ears } from './ears.js';
import type { Announcement } from './fleet.js';
import { packed } from './job-data.js';
import type { RedisServers } from './redis.js';
import { admit } from './scripts.js';

/** If this many workers return a prediction, because they lost its lease or their engine, the prediction fails. */
const MAX_ATTEMPTS = 8;

/** Time that a cancelled job may take to stop. */
export const STOP_MS = 20_000;

export interface IntakeBounds {
  readonly maxQueue: number;
  readonly maxWaitMilliseconds: number;
  readonly onRefusal: (reason: Refusal) => void;
}

/** A request for a prediction. */
export interface Asked {
  /** The waiter's name, or `DETACHED`. */
  readonly who: string;
  readonly isWaitedFor: boolean;
  readonly client: string;
}

/** A prediction that was accepted. */
export interface TakenIn {
  /** True if this is the first request for it. */
  readonly isNew: boolean;
  /** Number of other predictions that the client has under way. */
  readonly own: number;
  /** True if another service may have stored it since the request looked into the store. */
  readonly mayBeStored: boolean;
}

/** Decides whether predictions are accepted, and puts them into the queue. */
export class Intake {
  readonly #redis: RedisServers;
  readonly #ears: Ears;
  readonly #bounds: IntakeBounds;

  constructor(redis: RedisServers, ears: Ears, bounds: IntakeBounds) {
    this.#redis = redis;
    this.#ears = ears;
    this.#bounds = bounds;
  }

  /** Removes a job that is over, so that its prediction can be requested again. */
  async #clearEnded(channel: Channel, id: string): Promise<void> {
    const job = await channel.job(id);
    if (!job) {
      await this.#redis.del(channel.cancelled(id));
      return;
    }
    const isCancelled = await channel.isCancelled(id);
    // A cancelled job has to stop before it can begin again, unless its worker has died.
    const hasStopped = async () => !(await isActive(channel, id)) || !(await this.#isLocked(channel, id));
    if (isCancelled) await this.#ears.until(id, hasStopped, STOP_MS);
    if (!isCancelled && (await isLive(job))) return;
    // Another request may have begun it again; then that job is joined.
    await job.remove().catch(() => {});
    await this.#redis.del(channel.cancelled(id), channel.waiters(id));
  }

  /** Returns true if a live worker holds the job's lock. */
  async #isLocked(channel: Channel, id: string): Promise<boolean> {
    return (await this.#redis.exists(channel.lockKey(id))) > 0;
  }

  /** @throws InvalidRequestError, OverloadedError, PredictorUnavailableError */
  async admit(
    channel: Channel,
    { record, cost }: Plan,
    workers: readonly Announcement[],
    { who, isWaitedFor, client }: Asked,
  ): Promise<TakenIn> {
    const { maxQueue, maxWaitMilliseconds, onRefusal } = this.#bounds;
    const count = workers.length;
    if (count > 0) checkSize(cost, Math.min(...workers.map(({ memoryBytes }) => memoryBytes)));
    if (isWaitedFor && count === 0) {
      throw new PredictorUnavailableError('there is no worker now; try again');
    }
    const seconds = workers.reduce((sum, { rates }) => sum + secondsAt(rates, cost), 0) / Math.max(1, count);
    const ask = (hasLooked: boolean) =>
      admit(this.#redis, channel, {
        id: record.id,
        seconds,
        isWaitedFor,
        maxQueue,
        maxWaitSeconds: maxWaitMilliseconds / 1000,
        workers: count,
        client: clientDigest(client),
        who,
        hasLooked,
      });
    let answer = await ask(false);
    if (answer.outcome === 'look') {
      await this.#clearEnded(channel, record.id);
      answer = await ask(true);
    }
    const { outcome, waitSeconds, pending, own, mayBeStored } = answer;
    if (outcome === 'look') throw new Error('the second question was answered with look');
    if (outcome === 'admitted' || outcome === 'joined') {
      return { isNew: outcome === 'admitted', own, mayBeStored };
    }
    onRefusal(outcome);
    throw new OverloadedError(
      outcome,
      retryAfter(waitSeconds),
      outcome === 'queue'
        ? `${pending} predictions are waiting already`
        : `the prediction would have to wait for about ${Math.round(1000 * waitSeconds)} ms, longer than the ` +
            `limit of ${maxWaitMilliseconds} ms (MAX_WAIT_MS)`,
    );
  }

  /**
   * Adds a job to the queue, unless a job with the same id is in it.
   *
   * @param own how many predictions the client has under way: each client's first one comes before any client's
   * second one
   */
  async add(
    channel: Channel,
    remains: PredictionRemains,
    { own, mayBeStored }: Pick<TakenIn, 'own' | 'mayBeStored'> = { own: 0, mayBeStored: true },
  ): Promise<void> {
    await channel.queue.add(
      'predict',
      { ...(await packed(remains)), mayBeStored, traceparent: currentTraceparent() },
      {
        jobId: jobId(remains.record.id),
        priority: own + 1,
        // A worker that loses its lease leaves the job to the next. A job that fails for another reason is not tried
        // again.
        attempts: MAX_ATTEMPTS,
        removeOnComplete: { count: 0 },
        removeOnFail: KEPT,
      },
    );
  }
}

/**
 * Raises the priority of a job that another client waits for as well: it must not come later than a new one of that
 * client would.
 */
export async function hasten(channel: Channel, id: string, own: number): Promise<void> {
  const job = await channel.job(id);
  if (job && job.priority > own + 1) await job.changePriority({ priority: own + 1 });
}

/** Redis must not see clients' keys. */
const clientDigest = (client: string) =>
  client && createHash('sha256').update(client).digest('hex').slice(0, 16);

/** The inputs from which any worker with the same GHN and engine can plan the prediction again. */
export function remainsOf({ record, work: { architecture } }: Plan): PredictionRemains {
  return { record, ...keptOf(architecture) };
}
