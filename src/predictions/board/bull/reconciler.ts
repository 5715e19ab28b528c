import type { PredictionStore } from '../../../store/store.js';
import { type Channel, isLive } from './channel.js';
import type { Intake } from './intake.js';
import { PREFIX, type RedisServers } from './redis.js';
import { DETACHED, hold } from './scripts.js';

/** Time between two checks. */
const RECONCILE_MS = 10_000;
const RECONCILER = `${PREFIX}:reconciler`;

export interface ReconcilerOptions {
  readonly redis: RedisServers;
  readonly store: PredictionStore;
  readonly intake: Intake;
  /** The channel for new jobs; null if there is none yet. */
  readonly channel: () => Channel | null;
}

/** Restores what Redis has lost of the promised predictions. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #timer: NodeJS.Timeout | undefined;
  /** Places that had no job at the last check. */
  #emptyPlaces: ReadonlySet<string> = new Set();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#reconcile().catch(() => {}), RECONCILE_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Queues promised predictions that are neither under way nor stored. Only one service at a time does this. */
  async #reconcile(): Promise<void> {
    const { redis, store, intake } = this.#options;
    const channel = this.#options.channel();
    if (!channel || !store.promises) return;
    if (!(await redis.set(RECONCILER, '1', 'PX', RECONCILE_MS - 1000, 'NX'))) return;
    await this.#dropPlaces(channel);
    for await (const remains of store.promises.all()) {
      const { id } = remains.record;
      const job = await channel.job(id);
      if (job && (await isLive(job))) continue;
      if (job || (await store.record(id))) {
        await store.promises.settle(id);
        continue;
      }
      await hold(redis, channel.waiters(id), DETACHED);
      await intake.add(channel, remains);
    }
  }

  /**
   * Drops places that had no job at two checks in a row: the service that should have freed them could not reach
   * Redis. A place that was just taken gets its job soon.
   */
  async #dropPlaces(channel: Channel): Promise<void> {
    const { redis } = this.#options;
    const empty = new Set<string>();
    for (const id of await redis.hkeys(channel.places)) {
      const job = await channel.job(id);
      if (!job || !(await isLive(job))) empty.add(id);
    }
    for (const id of empty) if (this.#emptyPlaces.has(id)) await redis.hdel(channel.places, id);
    this.#emptyPlaces = empty;
  }
}
