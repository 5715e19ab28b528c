import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { canonicalGraph } from '../../../architecture/canonical.js';
import { type Executor, PredictorUnavailableError } from '../../../predictor/executor.js';
import type { PredictionRecord } from '../../../record/record.js';
import type { PredictionRemains, PredictionStore } from '../../../store/store.js';
import { checkSize, OverloadedError, type Refusal, retryAfter } from '../../admission.js';
import type { PredictionObserver } from '../../observer.js';
import { secondsAt } from '../../pace.js';
import type { Plan } from '../../plan.js';
import type { JobBoard, JobEvent, JobHandler, MadeNetwork, Submitted, Watch } from '../board.js';
import { BullWorker } from './bull-worker.js';
import { type BullJob, Channel, type ChannelEvent, jobId, KEPT } from './channel.js';
import { errorOf, readFailure } from './failures.js';
import { type Announcement, className, Fleet } from './fleet.js';
import { connect, PREFIX, reaching } from './redis.js';
import { admit, hold, LEASE_MS, leave, RENEWAL_MS } from './scripts.js';

const CANCELLATIONS = `${PREFIX}:cancellations`;

/** Who waits looks for itself this often: every event may be lost. */
const LOOK_MS = 2000;

/** How long a cancelled job may take to stop. */
const STOP_MS = 20_000;

const CANCELLED_SECONDS = 600;

const MAX_VIEWS = 1000;

export interface BullBoardOptions {
  readonly url: string;
  readonly store: PredictionStore;
  readonly observer: PredictionObserver;
  /** Of this process, if it has one: else plans are made by what the workers say of themselves. */
  readonly executor?: Pick<Executor, 'description'>;
  readonly memoryBytes: () => number;
  readonly maxQueue: number;
  readonly maxWaitMilliseconds: number;
  readonly onRefusal: (reason: Refusal) => void;
}

/**
 * The board of any number of services, in Redis by BullMQ. What it holds may be lost at any time: who waits asks again, and
 * what was stored is in the store.
 */
export class BullBoard implements JobBoard {
  readonly fleet: Fleet;
  readonly #options: BullBoardOptions;
  readonly #executor: Pick<Executor, 'description'>;
  readonly #redis: Redis;
  readonly #blocking: Redis;
  readonly #subscriber: Redis;
  readonly #watchers = new Map<string, Set<(event: JobEvent) => void>>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #channel: Channel | null = null;
  #handler: JobHandler | null = null;
  #worker: BullWorker | null = null;

  constructor(options: BullBoardOptions) {
    this.#options = options;
    this.#redis = connect(options.url);
    this.#blocking = connect(options.url, { isBlocking: true });
    this.#subscriber = connect(options.url, { isBlocking: true });
    this.fleet = new Fleet(this.#redis);
    this.#executor = options.executor ?? this.fleet;
    this.#subscriber.subscribe(CANCELLATIONS).catch(() => {});
    this.#subscriber.on('message', (_, id: string) => {
      this.#worker?.cancel(id);
      void this.#changed(id);
    });
  }

  /** Looks for workers, and announces this one where it works. */
  start(): void {
    this.fleet.start(() => this.#announcement());
  }

  work(handler: JobHandler): void {
    this.#handler = handler;
  }

  async submit(plan: Plan, waiter?: AbortSignal): Promise<Submitted> {
    waiter?.throwIfAborted();
    const { id } = plan.record;
    const channel = this.#current();
    const who = waiter ? randomUUID() : 'detached';
    return reaching(async () => {
      await this.#clearEnded(channel, id);
      const isNew = await this.#admit(channel, plan, waiter !== undefined);
      await hold(this.#redis, channel.waiters(id), who, waiter && LEASE_MS);
      await this.#add(channel, plan);
      const record = (await this.view(id)) ?? plan.record;
      const made = this.#wait(channel, plan, who, waiter);
      // Where nobody waits, the record has what came of it.
      made.catch(() => {});
      return { record, isNew, made };
    });
  }

  view(id: string): Promise<PredictionRecord | null> {
    return reaching(async () => {
      const channel = this.#known();
      const job = await channel?.job(id);
      return job ? channel!.recordOf(job) : null;
    });
  }

  /** None while Redis is away: what is stored can be listed all the same. */
  async views(): Promise<readonly PredictionRecord[]> {
    const channel = this.#known();
    if (!channel) return [];
    try {
      const jobs = await channel.queue.getJobs(['active', 'wait', 'failed'], 0, MAX_VIEWS - 1);
      const records = await Promise.all(jobs.map((job) => job && channel.recordOf(job as BullJob)));
      return records.filter((record) => record !== null && record !== undefined);
    } catch {
      return [];
    }
  }

  request(id: string): Promise<PredictionRemains | null> {
    return reaching(async () => (await this.#known()?.job(id))?.data ?? null);
  }

  /** What is made elsewhere is had from the store. */
  async made(): Promise<MadeNetwork | null> {
    return null;
  }

  async watch(id: string, watcher: (event: JobEvent) => void): Promise<Watch | null> {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(watcher));
    const unwatch = () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
    };
    const record = await this.view(id).catch((error: unknown) => {
      unwatch();
      throw error;
    });
    if (record) return { record, unwatch };
    unwatch();
    return null;
  }

  cancel(id: string): Promise<boolean> {
    return reaching(async () => {
      const channel = this.#known();
      const job = await channel?.job(id);
      if (!channel || !job || !(await isLive(job))) return false;
      const cancelled = channel.cancelled(id);
      if (!(await this.#redis.set(cancelled, '1', 'EX', CANCELLED_SECONDS, 'NX'))) return false;
      await this.#redis.hdel(channel.places, id);
      await this.#redis.publish(CANCELLATIONS, id);
      if ((await job.getState()) === 'active')
        await this.#until(id, async () => !(await isActive(channel, id)), STOP_MS);
      return true;
    });
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
      await this.#until(id, async () => {
        const now = await channel.job(id);
        return !now || !(await isLive(now));
      });
      return true;
    });
  }

  depth(): Promise<number> {
    return reaching(async () => (await this.#known()?.queue.getWaitingCount()) ?? 0);
  }

  secondsUntilIdle(): Promise<number> {
    return reaching(async () => {
      const channel = this.#known();
      const places = channel ? await this.#redis.hvals(channel.places) : [];
      return places.reduce((sum, seconds) => sum + Number(seconds), 0) / Math.max(1, this.workers);
    });
  }

  get workers(): number {
    return this.fleet.workers.length;
  }

  async settle(): Promise<void> {
    await this.#worker?.close();
    this.#worker = null;
  }

  async close(): Promise<void> {
    await this.settle();
    await this.fleet.close();
    await this.#channel?.close();
    for (const redis of [this.#redis, this.#blocking, this.#subscriber]) redis.disconnect();
  }

  /** The channel of the class that plans are made for now; null where no worker was ever heard of. */
  #known(): Channel | null {
    const { description } = this.#executor;
    if (!description) return this.#channel;
    const name = className(description);
    if (this.#channel?.name === name) return this.#channel;
    void this.#channel?.close();
    this.#channel = new Channel(name, this.#redis, this.#blocking, (event) => this.#hear(event));
    return this.#channel;
  }

  #current(): Channel {
    const channel = this.#known();
    if (!channel) throw new PredictorUnavailableError('no worker has been heard of yet');
    return channel;
  }

  /** Begins to work as soon as the engine is there. */
  #announcement(): Omit<Announcement, 'at'> | null {
    const { memoryBytes, observer } = this.#options;
    const { description } = this.#executor;
    if (!this.#handler || !description) return null;
    this.#worker ??= new BullWorker({
      channel: this.#current(),
      redis: this.#redis,
      blocking: this.#blocking,
      description: () => this.#executor.description,
      handler: this.#handler,
      onFailed: (record, error) => observer.failed(record, error),
    });
    return { description, memoryBytes: memoryBytes(), rates: this.#worker.pace.rates };
  }

  /** Takes away what came to nothing: it is asked for anew. */
  async #clearEnded(channel: Channel, id: string): Promise<void> {
    const job = await channel.job(id);
    if (!job) {
      await this.#redis.del(channel.cancelled(id));
      return;
    }
    const isCancelled = await channel.isCancelled(id);
    // One that was given up has to stop before it can be begun again.
    if (isCancelled) await this.#until(id, async () => !(await isActive(channel, id)), STOP_MS);
    if (!isCancelled && (await isLive(job))) return;
    await job.remove();
    await this.#redis.del(channel.cancelled(id), channel.waiters(id));
  }

  /** Whether nobody had asked for it yet. */
  async #admit(channel: Channel, { record, cost }: Plan, isWaitedFor: boolean): Promise<boolean> {
    const { maxQueue, maxWaitMilliseconds, onRefusal, observer } = this.#options;
    const { workers } = this.fleet;
    const memory = Math.min(...workers.map(({ memoryBytes }) => memoryBytes));
    if (workers.length > 0) checkSize(cost, memory);
    if (isWaitedFor && workers.length === 0)
      throw new PredictorUnavailableError('there is no worker now; try again');
    const paces = workers.map(({ rates }) => secondsAt(rates, cost));
    const seconds = paces.length === 0 ? 0 : paces.reduce((sum, pace) => sum + pace) / paces.length;
    const { outcome, waitSeconds, pending } = await admit(this.#redis, channel.places, {
      id: record.id,
      seconds,
      isWaitedFor,
      maxQueue,
      maxWaitSeconds: maxWaitMilliseconds / 1000,
      workers: workers.length,
    });
    if (outcome === 'admitted') return true;
    if (outcome === 'joined') {
      observer.shared(record, 'joined');
      return false;
    }
    onRefusal(outcome);
    throw new OverloadedError(
      outcome,
      retryAfter(waitSeconds),
      outcome === 'queue'
        ? `${pending} predictions are waiting already`
        : `the prediction would have to wait for about ${Math.round(1000 * waitSeconds)} ms, longer than the ` +
            `${maxWaitMilliseconds} that one may`,
    );
  }

  /** Nothing where it is there: jobs are known by their ids. */
  async #add(channel: Channel, { record, work }: Plan): Promise<void> {
    const { architecture } = work;
    const remains = {
      record,
      architecture: canonicalGraph(architecture),
      kerasModel: architecture.keras?.model,
    };
    await channel.queue.add('predict', remains, {
      jobId: jobId(record.id),
      removeOnComplete: { count: 0 },
      removeOnFail: KEPT,
    });
  }

  async #wait(channel: Channel, plan: Plan, who: string, waiter?: AbortSignal): Promise<null> {
    const { id } = plan.record;
    const waiters = channel.waiters(id);
    const renewal =
      waiter && setInterval(() => hold(this.#redis, waiters, who, LEASE_MS).catch(() => {}), RENEWAL_MS);
    try {
      for (;;) {
        waiter?.throwIfAborted();
        // While Redis is away the store is asked all the same.
        if (await this.#isOver(channel, plan, who, waiter).catch(rethrowFailure)) return null;
        await this.#next(id, waiter);
      }
    } finally {
      clearInterval(renewal);
      if (waiter?.aborted && (await leave(this.#redis, waiters, who).catch(() => 1)) === 0) {
        await this.cancel(id).catch(() => {});
      }
    }
  }

  /** Whether it is stored. @throws JobFailure with what it has failed with */
  async #isOver(channel: Channel, plan: Plan, who: string, waiter?: AbortSignal): Promise<boolean> {
    const { id } = plan.record;
    const job = await channel.job(id).catch(() => undefined);
    if (job && (await job.isFailed())) throw new JobFailure((await channel.job(id))?.failedReason);
    if (job && (await channel.isCancelled(id)) && !(await isActive(channel, id))) {
      throw new JobFailure(JSON.stringify({ code: 'cancelled', message: 'the prediction was cancelled' }));
    }
    if (job && (await isLive(job))) return false;
    if (await this.#options.store.record(id)) return true;
    // Neither in the making nor stored: Redis has lost it.
    if (job === null) {
      await hold(this.#redis, channel.waiters(id), who, waiter && LEASE_MS);
      await this.#add(channel, plan);
    }
    return false;
  }

  /** Waits for the next event of a job, or for the time to look for oneself. */
  async #next(id: string, signal?: AbortSignal, milliseconds = LOOK_MS): Promise<void> {
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting);
    const end = new AbortController();
    const stop = () => end.abort();
    waiting.add(stop);
    signal?.addEventListener('abort', stop, { once: true });
    await setTimeout(milliseconds, undefined, { signal: end.signal, ref: false }).catch(() => {});
    signal?.removeEventListener('abort', stop);
    waiting.delete(stop);
    if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
  }

  async #until(
    id: string,
    isSo: () => Promise<boolean>,
    milliseconds = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const end = performance.now() + milliseconds;
    while (!(await isSo()) && performance.now() < end) await this.#next(id, undefined, LOOK_MS / 4);
  }

  #hear({ id, progress }: ChannelEvent): void {
    if (!progress) {
      void this.#changed(id);
      return;
    }
    const { record, stage } = progress;
    this.#tell(id, stage ? { stage } : { record });
  }

  /** Something has happened that the event does not say. */
  async #changed(id: string): Promise<void> {
    for (const stop of this.#waiting.get(id) ?? []) stop();
    if (!this.#watchers.has(id)) return;
    const record = await this.view(id).catch(() => null);
    if (record) this.#tell(id, { record });
  }

  #tell(id: string, event: JobEvent): void {
    for (const watcher of this.#watchers.get(id) ?? []) watcher(event);
  }
}

/** What a job has failed with, as it carries it. */
class JobFailure extends Error {}

function rethrowFailure(error: unknown): boolean {
  if (error instanceof JobFailure) throw errorOf(readFailure(error.message));
  return false;
}

const LIVE: ReadonlySet<string> = new Set(['waiting', 'active', 'delayed', 'prioritized']);

const isLive = async (job: BullJob): Promise<boolean> => LIVE.has(await job.getState());

const isActive = async (channel: Channel, id: string): Promise<boolean> =>
  (await (await channel.job(id))?.getState()) === 'active';
