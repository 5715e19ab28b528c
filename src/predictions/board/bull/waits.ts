import { PredictorUnavailableError } from '../../../predictor/executor.js';
import { type PredictionStore, StoreLeftError } from '../../../store/store.js';
import type { Plan } from '../../plan.js';
import type { MadeNetwork } from '../board.js';
import { type Channel, isActive, isLive } from './channel.js';
import type { Connections } from './connections.js';
import type { Ear, Ears } from './ears.js';
import { errorOf, readFailure } from './failures.js';
import { type Intake, remainsOf } from './intake.js';
import { hold, LEASE_MS, leave, RENEWAL_MS } from './scripts.js';

export interface WaitsOptions {
  readonly connections: Connections;
  readonly ears: Ears;
  readonly intake: Intake;
  readonly store: PredictionStore;
  /** Cancels a prediction whose last client has gone. */
  readonly cancel: (id: string) => Promise<unknown>;
}

/** The prediction that a client waits for. */
export interface Awaited {
  readonly channel: Channel;
  readonly plan: Plan;
  /** Identifies the client, or `DETACHED`. */
  readonly who: string;
  /** True if it is not queued yet. */
  readonly isNew: boolean;
  /** The client's signal; without it, nobody cancels the prediction. */
  readonly waiter?: AbortSignal;
}

/** Waits for predictions until they are stored or have failed. All events may be lost, so it also looks for itself. */
export class Waits {
  readonly #options: WaitsOptions;

  constructor(options: WaitsOptions) {
    this.#options = options;
  }

  /** Waits for the network; null if it must be read from the store. */
  wait(awaited: Awaited): Promise<MadeNetwork | null> {
    const { ears, cancel } = this.#options;
    const { redis } = this.#options.connections;
    const { channel, plan, who, waiter } = awaited;
    const { id } = plan.record;
    return ears.listening(id, async (ear) => {
      const waiters = channel.waiters(id);
      const renewal =
        waiter && setInterval(() => hold(redis, waiters, who, LEASE_MS).catch(() => {}), RENEWAL_MS);
      try {
        return await this.#hearOfEnd(awaited, ear);
      } finally {
        clearInterval(renewal);
        if (waiter?.aborted && (await leave(redis, waiters, who).catch(() => 1)) === 0) {
          await cancel(id).catch(() => {});
        }
      }
    });
  }

  async #hearOfEnd(awaited: Awaited, ear: Ear): Promise<MadeNetwork | null> {
    const { waiter } = awaited;
    for (let isTold = awaited.isNew; ; isTold = false) {
      waiter?.throwIfAborted();
      if (this.#options.connections.isLeft)
        throw new PredictorUnavailableError('the service is shutting down; try again');
      // If Redis cannot be reached, the store is still checked.
      if (!isTold && (await this.#isOver(awaited).catch(rethrowFailure))) return null;
      const heard = await ear.next(waiter);
      if (heard?.isStored) return heard.made ?? null;
    }
  }

  /**
   * Returns true if the prediction is stored. Queues it again if Redis has lost it. @throws JobFailure if the job has
   * failed
   */
  async #isOver({ channel, plan, who, waiter }: Awaited): Promise<boolean> {
    const { store, intake } = this.#options;
    const { redis } = this.#options.connections;
    const { id } = plan.record;
    const job = await channel.job(id).catch(() => undefined);
    if (job && (await job.isFailed())) {
      const failed = await channel.job(id);
      // Without a reason, another client has asked for it again in the meantime.
      if (failed?.failedReason) throw new JobFailure(failed.failedReason);
      return false;
    }
    if (job && (await channel.isCancelled(id)) && !(await isActive(channel, id))) {
      throw new JobFailure(JSON.stringify({ code: 'cancelled', message: 'the prediction was cancelled' }));
    }
    if (job && (await isLive(job))) return false;
    if (await store.record(id)) return true;
    // It is neither under way nor stored, so Redis has lost it.
    if (job === null) {
      await hold(redis, channel.waiters(id), who, waiter && LEASE_MS);
      await intake.add(channel, remainsOf(plan));
    }
    return false;
  }
}

/** The failure of a job. The message is the text that the job carries. */
class JobFailure extends Error {}

function rethrowFailure(error: unknown): boolean {
  if (error instanceof StoreLeftError) throw error;
  if (error instanceof JobFailure) throw errorOf(readFailure(error.message));
  return false;
}
