import { randomUUID } from 'node:crypto';
import { type Executor, PredictorUnavailableError } from '../../../predictor/executor.js';
import type { PredictionRecord } from '../../../record/record.js';
import type { PredictionRemains, PredictionStore } from '../../../store/store.js';
import type { Refusal } from '../../admission.js';
import type { PredictionObserver } from '../../observer.js';
import type { Plan } from '../../plan.js';
import { type Planner, planHere } from '../../planning/planner.js';
import type { JobBoard, JobEvent, JobHandler, MadeNetwork, Submitted, Watch } from '../board.js';
import { BullWorker } from './bull-worker.js';
import { type BullJob, Channel, isActive, isLive, isOurs } from './channel.js';
import { Connections } from './connections.js';
import { Ears, eventOf } from './ears.js';
import { type Announcement, className, Fleet } from './fleet.js';
import { readHandover } from './handover.js';
import { hasten, Intake, remainsOf, STOP_MS } from './intake.js';
import { unpacked } from './job-data.js';
import { Reconciler } from './reconciler.js';
import type { RedisServers } from './redis.js';
import { PREFIX, reaching } from './redis.js';
import { DETACHED, madeMessages, placeSeconds, waiterOf } from './scripts.js';
import { SharedCounts } from './shared-counts.js';
import { Waits } from './waits.js';

const CANCELLATIONS = `${PREFIX}:cancellations`;

const CANCELLED_SECONDS = 600;

const MAX_VIEWS = 1000;

/** Time that the board may take to close before it gives up Redis. */
const CLOSE_MS = 3000;

export interface BullBoardOptions {
  readonly url: string;
  readonly store: PredictionStore;
  readonly observer: PredictionObserver;
  /** This process's executor, if it has one. Otherwise plans use the description that workers announce. */
  readonly executor?: Pick<Executor, 'description' | 'ready' | 'whenReady'>;
  /** False if this process only computes, so no client asks it for predictions; by default true. */
  readonly isAsked?: boolean;
  readonly memoryBytes: () => number;
  readonly maxQueue: number;
  readonly maxWaitMilliseconds: number;
  readonly onRefusal: (reason: Refusal) => void;
  /** Plans large jobs; by default in this process. */
  readonly planner?: Planner;
}

/**
 * The board of any number of services, in Redis through BullMQ. Its contents may be lost at any time: waiting clients
 * ask again, and finished predictions are in the store.
 */
export class BullBoard implements JobBoard {
  readonly fleet: Fleet;
  readonly counts: SharedCounts;
  readonly #options: BullBoardOptions;
  readonly #executor: Pick<Executor, 'description' | 'ready' | 'whenReady'>;
  readonly #connections: Connections;
  readonly #redis: RedisServers;
  readonly #ears = new Ears((id) => this.view(id));
  readonly #intake: Intake;
  readonly #waits: Waits;
  readonly #reconciler: Reconciler;
  /** Identifies this service among those that share the queue. */
  readonly #service = randomUUID();
  #channel: Channel | null = null;
  #handler: JobHandler | null = null;
  #worker: BullWorker | null = null;
  /** True once this service takes no more jobs. */
  #isSettling = false;

  constructor(options: BullBoardOptions) {
    this.#options = options;
    const { store } = options;
    this.#connections = new Connections(options.url);
    this.#redis = this.#connections.redis;
    this.fleet = new Fleet(this.#redis);
    this.counts = new SharedCounts(this.#redis, this.fleet);
    this.#executor = options.executor ?? this.fleet;
    this.#intake = new Intake(this.#redis, this.#ears, options);
    const shared = { store, ears: this.#ears, intake: this.#intake };
    const { redis, subscriber } = this.#connections;
    this.#waits = new Waits({ ...shared, connections: this.#connections, cancel: (id) => this.cancel(id) });
    this.#reconciler = new Reconciler({ ...shared, redis, channel: () => this.#known() });
    void this.#connections.left.then(() => this.#disconnect());
    const messages = madeMessages(this.#service);
    subscriber.subscribe(CANCELLATIONS, messages).catch(() => {});
    subscriber.on('messageBuffer', (topic: Buffer, message: Buffer) => {
      if (topic.toString() === messages) this.#hearStored(message);
      else this.#hearCancelled(message.toString());
    });
  }

  /** Looks for workers, and announces this process if it is one. */
  start(): void {
    this.fleet.start(this.#options.executor ? () => this.#announcement() : null);
    this.#reconciler.start();
  }

  work(handler: JobHandler): void {
    this.#handler = handler;
  }

  async submit(plan: Plan, waiter?: AbortSignal, client = ''): Promise<Submitted> {
    waiter?.throwIfAborted();
    const { id } = plan.record;
    const channel = this.#current();
    const who = waiter ? waiterOf(this.#service, randomUUID()) : DETACHED;
    return reaching(async () => {
      const asked = { who, isWaitedFor: waiter !== undefined, client };
      const { isNew, own, mayBeStored } = await this.#intake.admit(channel, plan, this.fleet.workers, asked);
      if (!isNew) {
        this.#options.observer.shared(plan.record, 'joined');
        // It may have begun, or be over, by now.
        await hasten(channel, id, own).catch(() => {});
      }
      // Stored before the client gets the promise: the prediction must be computed even if this service and Redis are
      // lost.
      if (!waiter) await this.#options.store.promises?.promise(remainsOf(plan));
      // The waiting client listens before the job exists, so that it misses no event.
      const refused = new AbortController();
      const awaited = { channel, plan, who };
      const made =
        waiter && this.#waits.wait({ ...awaited, isNew, waiter: AbortSignal.any([waiter, refused.signal]) });
      made?.catch(() => {});
      try {
        await this.#intake.add(channel, remainsOf(plan), { own, mayBeStored });
      } catch (error) {
        refused.abort(error);
        throw error;
      }
      const record = (isNew ? null : await this.view(id)) ?? plan.record;
      return { record, isNew, made: () => made ?? this.#waits.wait({ ...awaited, isNew: false }) };
    });
  }

  view(id: string): Promise<PredictionRecord | null> {
    return reaching(async () => {
      const channel = this.#known();
      const job = await channel?.job(id);
      if (job) return channel!.recordOf(job);
      // If Redis has lost a promised prediction, the reconciler queues it again soon.
      return (await this.#options.store.promises?.find(id))?.record ?? null;
    });
  }

  /** Empty if Redis cannot be reached, so that stored predictions can still be listed. */
  async views(): Promise<readonly PredictionRecord[]> {
    const channel = this.#known();
    if (!channel) return [];
    try {
      const jobs = await channel.queue.getJobs(['active', 'wait', 'prioritized', 'failed'], 0, MAX_VIEWS - 1);
      const ours = jobs.filter((job) => job && isOurs(job as BullJob));
      const records = await Promise.all(ours.map((job) => channel.recordOf(job as BullJob)));
      return records.filter((record) => record !== null && record !== undefined);
    } catch {
      return [];
    }
  }

  async request(id: string): Promise<PredictionRemains | null> {
    const data = await reaching(async () => (await this.#known()?.job(id))?.data ?? null);
    return data && unpacked(data);
  }

  /** Always null: networks that other processes made are read from the store. */
  async made(): Promise<MadeNetwork | null> {
    return null;
  }

  async watch(id: string, watcher: (event: JobEvent) => void): Promise<Watch | null> {
    const unwatch = this.#ears.watch(id, watcher);
    const listening = reaching(async () => this.#known()?.listening());
    const record = await listening
      .then(() => this.view(id))
      .catch((error: unknown) => {
        unwatch();
        throw error;
      });
    if (record) return { record, unwatch };
    unwatch();
    return null;
  }

  missed(id: string, after: string): Promise<readonly JobEvent[] | null> {
    return reaching(async () => {
      const events = await this.#known()?.missed(id, after);
      return events?.map(({ progress, at }) => eventOf(progress!, at)) ?? null;
    });
  }

  cancel(id: string): Promise<boolean> {
    return reaching(async () => {
      const channel = this.#known();
      const job = await channel?.job(id);
      if (!job) return this.#cancelLost(id);
      if (!channel || !(await isLive(job))) return false;
      const cancelled = channel.cancelled(id);
      if (!(await this.#redis.set(cancelled, '1', 'EX', CANCELLED_SECONDS, 'NX'))) return false;
      await this.#redis.hdel(channel.places, id);
      await this.#options.store.promises?.settle(id);
      await this.#redis.publish(CANCELLATIONS, id);
      if ((await job.getState()) === 'active')
        await this.#ears.until(id, async () => !(await isActive(channel, id)), STOP_MS);
      return true;
    });
  }

  /** Cancels a promised prediction whose job Redis has lost. */
  async #cancelLost(id: string): Promise<boolean> {
    const { promises } = this.#options.store;
    if (!(await promises?.find(id))) return false;
    await promises!.settle(id);
    return true;
  }

  forget(id: string): Promise<boolean> {
    return reaching(async () => {
      const channel = this.#known();
      const job = await channel?.job(id);
      if (!channel || !job) return false;
      const record = await channel.recordOf(job);
      if (!record || record.status === 'queued' || record.status === 'running') return false;
      await job.remove();
      await this.#redis.del(channel.cancelled(id), channel.waiters(id));
      return true;
    });
  }

  settled(id: string): Promise<boolean> {
    return reaching(async () => {
      const channel = this.#known();
      const job = await channel?.job(id);
      if (!channel || !job || !(await isLive(job))) return false;
      await this.#ears.until(id, async () => {
        const now = await channel.job(id);
        return !now || !(await isLive(now));
      });
      return true;
    });
  }

  depth(): Promise<number> {
    return reaching(
      async () => (await this.#known()?.queue.getJobCountByTypes('waiting', 'prioritized')) ?? 0,
    );
  }

  secondsUntilIdle(): Promise<number> {
    return reaching(async () => {
      const channel = this.#known();
      const places = channel ? await this.#redis.hvals(channel.places) : [];
      return places.reduce((sum, place) => sum + placeSeconds(place), 0) / Math.max(1, this.workers);
    });
  }

  get workers(): number {
    return this.fleet.workers.length;
  }

  leave(): void {
    void this.#connections.leaveIfSilent();
  }

  async settle(): Promise<void> {
    this.#isSettling = true;
    await Promise.race([this.#worker?.close(), this.#connections.left]);
  }

  async close(): Promise<void> {
    this.#reconciler.stop();
    this.#isSettling = true;
    const closing = async () => {
      const ended = this.#worker?.close();
      this.#worker?.abandon();
      await ended;
      await this.fleet.close();
      await this.#channel?.close();
    };
    const limit = setTimeout(() => this.#connections.leave(), CLOSE_MS).unref();
    await Promise.race([closing(), this.#connections.left]);
    clearTimeout(limit);
    this.#disconnect();
  }

  #disconnect(): void {
    this.#worker?.disconnect();
    this.#channel?.disconnect();
    this.#connections.close();
  }

  /** The channel of the class of workers that plans are made for; null if no worker was ever announced. */
  #known(): Channel | null {
    const { description } = this.#executor;
    if (!description) return this.#channel;
    const name = className(description);
    if (this.#channel?.name === name) return this.#channel;
    void this.#channel?.close();
    this.#channel = new Channel(
      name,
      this.#redis,
      this.#connections.blocking,
      this.#options.isAsked === false ? null : (event) => this.#ears.hear(event),
    );
    return this.#channel;
  }

  #current(): Channel {
    const channel = this.#known();
    if (!channel) throw new PredictorUnavailableError('no worker has announced itself yet');
    return channel;
  }

  /** Describes this worker, and begins to work, once the engine is ready. */
  #announcement(): Omit<Announcement, 'at'> | null {
    const { memoryBytes, observer } = this.#options;
    const { description } = this.#executor;
    if (!this.#handler || !description || this.#isSettling) return null;
    const channel = this.#current();
    if (this.#worker && this.#worker.channel !== channel) {
      // Its checkpoints were replaced, so its jobs now belong to another class.
      void this.#worker.close();
      this.#worker = null;
    }
    this.#worker ??= new BullWorker({
      channel,
      redis: this.#redis,
      blocking: this.#connections.blocking,
      executor: this.#executor,
      workers: () => this.workers,
      planner: this.#options.planner ?? planHere,
      handler: this.#handler,
      promises: this.#options.store.promises,
      onFailed: (record, error) => observer.failed(record, error),
      onTakenOver: (record) => observer.takenOver(record),
      onStored: (id, made) => this.#ears.stored(id, made),
      service: this.#service,
    });
    return { description, memoryBytes: memoryBytes(), rates: this.#worker.pace.rates };
  }

  #hearStored(message: Buffer): void {
    const handover = readHandover(message);
    if (handover) this.#ears.stored(handover.id, handover.made);
  }

  #hearCancelled(id: string): void {
    this.#worker?.cancel(id);
    void this.#ears.changed(id);
  }
}
