import { UnrecoverableError, Worker } from 'bullmq';
import type { Executor } from '../../../predictor/executor.js';
import type { PredictionRecord } from '../../../record/record.js';
import { type Promises, StoreLeftError } from '../../../store/store.js';
import { CancelledError } from '../../errors.js';
import { Pace } from '../../pace.js';
import type { Planner } from '../../planning/planner.js';
import {
  type JobHandler,
  type JobOrigin,
  LOOKED_MS,
  type Made,
  type MadeNetwork,
  type WorkedJob,
} from '../board.js';
import { type BullJob, type Channel, isOurs, KEPT, type Progress } from './channel.js';
import { LEASE_LOST, writeFailure } from './failures.js';
import { handedOver, sealHandover } from './handover.js';
import { unpacked } from './job-data.js';
import type { RedisServers } from './redis.js';
import { PREFIX } from './redis.js';
import { finish, LEASE_MS, leave } from './scripts.js';

/** A worker that does not renew its lock for this time has lost its job to another. */
const LOCK_MS = 4000;
const LOCK_RENEWAL_MS = 1000;
const STALLED_CHECK_MS = 1000;

/**
 * If this many workers or engines have died while computing a prediction, it fails, so that a network cannot kill them
 * for ever.
 */
const MAX_DEATHS = 3;

/** After this many attempts, a worker keeps a job even while its engine restarts: BullMQ limits a job's attempts. */
const MAX_RETURNS = 6;

const WATCH_MS = 1000;

/** Longer than it takes from the check of the store until a job is queued. */
const STORED_MS = 10_000;

/**
 * Events of a job are sent together this time after the first one: by then most jobs are over, and waiting clients
 * have had their answers first.
 */
const GATHER_MS = 20;

/** Another worker may have the job by now. If not, the job waits for the next worker. */
class LeaseLostError extends Error {}

export interface BullWorkerOptions {
  readonly channel: Channel;
  readonly redis: RedisServers;
  readonly blocking: RedisServers;
  readonly executor: Pick<Executor, 'description' | 'ready' | 'whenReady'>;
  /** Number of workers with the same engine and GHNs, including this one. */
  readonly workers: () => number;
  readonly planner: Planner;
  readonly handler: JobHandler;
  readonly promises?: Promises;
  readonly onFailed: (record: PredictionRecord, error: Error) => void;
  /** Called if the worker that computed the prediction before has died. */
  readonly onTakenOver: (record: PredictionRecord) => void;
  /** Called once the prediction is stored. A small network is handed over as well. */
  readonly onStored: (id: string, made: MadeNetwork | null) => void;
  /** Identifies this service among those that share the queue. */
  readonly service: string;
}

/** Takes jobs of one class from Redis, one at a time, and has a handler compute and store them. */
export class BullWorker {
  readonly pace = new Pace();
  /** The queue from which it takes jobs. */
  readonly channel: Channel;
  readonly #options: BullWorkerOptions;
  readonly #worker: Worker;
  readonly #running = new Map<string, AbortController>();
  /** Removals of promises that are under way; no client waits for them. */
  readonly #settling = new Set<Promise<void>>();
  /** Aborted when it takes no more jobs. */
  readonly #closing = new AbortController();
  #renewed = 0;

  constructor(options: BullWorkerOptions) {
    this.#options = options;
    this.channel = options.channel;
    const { channel, blocking } = options;
    this.#worker = new Worker(channel.name, (job) => this.#process(job as BullJob), {
      connection: blocking,
      prefix: PREFIX,
      concurrency: 1,
      lockDuration: LOCK_MS,
      lockRenewTime: LOCK_RENEWAL_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: MAX_DEATHS,
      removeOnComplete: { count: 0 },
      removeOnFail: KEPT,
    });
    this.#worker.on('error', () => {});
    this.#worker.on('locksRenewed', () => {
      this.#renewed = performance.now();
    });
    this.#worker.on('lockRenewalFailed', () => this.#abortAll(new LeaseLostError(LEASE_LOST)));
  }

  /** Cancels the job with that id, if this worker has it. */
  cancel(id: string): void {
    this.#running.get(id)?.abort(new CancelledError('the prediction was cancelled'));
  }

  /** Takes no more jobs, and waits for the current one. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#worker.close();
    await Promise.all(this.#settling);
  }

  /** Aborts the job under way, and leaves it to another worker. */
  abandon(): void {
    this.#abortAll(new LeaseLostError(LEASE_LOST));
  }

  /** Closes its connections at once. */
  disconnect(): void {
    this.#worker.disconnect().catch(() => {});
  }

  async #process(job: BullJob): Promise<null> {
    if (!isOurs(job)) throw new UnrecoverableError('the job is not a prediction of ghn-serve');
    if (this.#passesOn(job, MAX_RETURNS)) throw new LeaseLostError(LEASE_LOST);
    const { handler, executor, onFailed, planner } = this.#options;
    const { id } = job.data.record;
    const controller = new AbortController();
    this.#running.set(id, controller);
    this.#renewed = performance.now();
    const watching = setInterval(() => void this.#watch(job, controller), WATCH_MS);
    const worked = new Worked(job, () => this.#watch(job, controller));
    if (job.stalledCounter > 0) this.#options.onTakenOver(job.data.record);
    try {
      const looked = this.#look(job);
      const plan = await planner.again(await unpacked(job.data), executor.description!);
      const { isCancelled, mayBeStored } = await looked;
      if (isCancelled) throw new CancelledError('the prediction was cancelled');
      worked.mayBeStored = mayBeStored;
      worked.plan = plan;
      const start = performance.now();
      const made = await handler.make(worked, controller.signal);
      if (made) {
        this.pace.observe(plan.cost, made.latency, performance.now() - start);
        await handler.keep(worked, made, controller.signal);
      }
      await Promise.all([this.#tellStored(worked, made), worked.tellAll()]);
      return null;
    } catch (error) {
      if (error instanceof LeaseLostError) throw error;
      if ((error as Error).cause instanceof StoreLeftError) throw new LeaseLostError(LEASE_LOST);
      if (this.#passesOn(job, MAX_DEATHS)) throw new LeaseLostError(LEASE_LOST);
      await worked.tellAll();
      onFailed(worked.record, error as Error);
      // If this fails, the reconciler drops the place later.
      await this.#finish(id, null).catch(() => {});
      throw new UnrecoverableError(writeFailure(error as Error));
    } finally {
      clearInterval(watching);
      this.#running.delete(id);
    }
  }

  /** While the engine restarts, jobs are for workers that have one. */
  #passesOn({ attemptsMade }: BullJob, maxAttempts: number): boolean {
    const { executor, workers } = this.#options;
    if (executor.ready || workers() < 2 || attemptsMade + 1 >= maxAttempts) return false;
    void this.#rest();
    return true;
  }

  /** Takes no jobs until the engine is ready. */
  async #rest(): Promise<void> {
    const { executor } = this.#options;
    await this.#worker.pause(true);
    try {
      if (!executor.ready) await executor.whenReady(this.#closing.signal);
    } catch {
      // It is being closed.
      return;
    }
    await this.#worker.resume();
  }

  /** Finds out if the job was cancelled, and if the prediction may be stored already. */
  async #look({
    data,
    attemptsStarted,
    timestamp,
  }: BullJob): Promise<{ isCancelled: boolean; mayBeStored: boolean }> {
    const { channel, redis } = this.#options;
    const { id } = data.record;
    const isOld = attemptsStarted > 1 || Date.now() - timestamp > LOOKED_MS;
    try {
      const [isCancelled, wasStored] = await Promise.all([
        channel.isCancelled(id),
        isOld || data.mayBeStored === false ? isOld : redis.exists(channel.stored(id)),
      ]);
      return { isCancelled, mayBeStored: Boolean(wasStored) };
    } catch {
      // Redis cannot be reached. The network is stored all the same, unless another commit came first.
      return { isCancelled: false, mayBeStored: true };
    }
  }

  /**
   * Tells waiting services directly that the prediction is stored, and hands over a small network, so that they need
   * not read it from the store.
   */
  async #tellStored({ record, generation }: Worked, made: Made | null): Promise<void> {
    // If another commit came first, the stored tensors may differ from these.
    const tensors = made && record.generation === generation ? made.tensors : null;
    this.#options.onStored(record.id, tensors && handedOver(record, tensors));
    const stored = { message: sealHandover(record, tensors), milliseconds: STORED_MS };
    await this.#finish(record.id, stored).catch(() => {});
  }

  /**
   * Ends a prediction: frees its place and its waiters, and removes its promise from the bucket, if it has one, since
   * it is stored or has failed.
   */
  async #finish(id: string, stored: { message: Buffer; milliseconds: number } | null): Promise<void> {
    const { channel, redis, promises, service } = this.#options;
    const isPromised = await finish(redis, channel, { id, service, stored });
    if (!isPromised || !promises) return;
    const settled = promises
      .settle(id)
      // If this fails, the reconciler removes the promise, since it finds the prediction stored or failed.
      .catch(() => {})
      .finally(() => this.#settling.delete(settled));
    this.#settling.add(settled);
  }

  /**
   * Aborts the job if it was cancelled, if no client waits for it any more, or if another worker may have it by now.
   */
  async #watch(job: BullJob, controller: AbortController): Promise<void> {
    if (performance.now() - this.#renewed > LOCK_MS) {
      controller.abort(new LeaseLostError(LEASE_LOST));
      return;
    }
    const { channel, redis } = this.#options;
    const { id } = job.data.record;
    try {
      if (await channel.isCancelled(id)) this.cancel(id);
      const isOld = Date.now() - job.timestamp > LEASE_MS;
      if (isOld && (await leave(redis, channel.waiters(id), '')) === 0) this.cancel(id);
    } catch {
      // Redis cannot be reached, so only the lease's clock counts.
    }
  }

  #abortAll(reason: Error): void {
    for (const controller of this.#running.values()) controller.abort(reason);
  }
}

/** A job under way. Its changes are reported to all services, in order. */
class Worked implements WorkedJob {
  plan: WorkedJob['plan'];
  mayBeStored = true;
  /** The generation of the network that this worker made. */
  generation: string | null = null;
  readonly #job: BullJob;
  readonly #watch: () => Promise<void>;
  #record: PredictionRecord;
  /** Events that are not sent yet. */
  #news: Progress[] = [];
  #timer: NodeJS.Timeout | undefined;
  #told: Promise<void> = Promise.resolve();

  /** @param watch checks whether the job was cancelled, and then aborts the signal of its computation */
  constructor(job: BullJob, watch: () => Promise<void>) {
    this.#job = job;
    this.#watch = watch;
    this.#record = job.data.record;
    this.plan = undefined as unknown as WorkedJob['plan'];
  }

  get record(): PredictionRecord {
    return this.#record;
  }

  get origin(): JobOrigin {
    return { traceparent: this.#job.data.traceparent, since: this.#job.timestamp };
  }

  confirm(): Promise<void> {
    return this.#watch();
  }

  update(fields: Partial<PredictionRecord>): void {
    this.#record = { ...this.#record, ...fields };
    this.generation ??= this.#record.generation;
    // Success is reported only once it is stored, since the stored generation may be another one.
    if (this.#record.status !== 'succeeded') this.#tell({ record: this.#record });
  }

  begin(stage: Progress['stage']): void {
    this.#tell({ record: this.#record, stage });
  }

  /** Reports the final record, and waits until all events are sent. Events that cannot be sent are lost. */
  async tellAll(): Promise<void> {
    if (this.#record.status === 'succeeded') this.#tell({ record: this.#record });
    this.#flush();
    await this.#told;
  }

  #tell(progress: Progress): void {
    this.#news.push(progress);
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const news = this.#news;
    this.#news = [];
    this.#told = this.#told.then(async () => {
      // The commands are sent in this order, so they reach Redis in this order.
      await Promise.allSettled(news.map((progress) => this.#job.updateProgress(progress as object)));
    });
  }
}
