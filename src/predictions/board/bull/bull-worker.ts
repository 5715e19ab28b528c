import { UnrecoverableError, Worker } from 'bullmq';
import type { PredictorDescription } from '../../../predictor/protocol.js';
import type { PredictionRecord } from '../../../record/record.js';
import type { Promises } from '../../../store/store.js';
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

/** A worker that does not renew its lock for so long has lost its job to another. */
const LOCK_MS = 6000;
const LOCK_RENEWAL_MS = 2000;
const STALLED_CHECK_MS = 2000;

/** After so many workers that died of it a prediction is given up: no network ends workers for ever. */
const MAX_DEATHS = 3;

const WATCH_MS = 1000;

/** Longer than it takes from looking into the store until a job is queued. */
const STORED_MS = 10_000;

/** News of a job go out together when the first of them is so old: most are over by then, and those who wait come first. */
const GATHER_MS = 20;

/** Another worker has the job by now, or may have: if not, the job waits for the next. */
class LeaseLostError extends Error {}

export interface BullWorkerOptions {
  readonly channel: Channel;
  readonly redis: RedisServers;
  readonly blocking: RedisServers;
  readonly description: () => PredictorDescription | null;
  readonly planner: Planner;
  readonly handler: JobHandler;
  readonly promises?: Promises;
  readonly onFailed: (record: PredictionRecord, error: Error) => void;
  /** The worker that made it has died. */
  readonly onTakenOver: (record: PredictionRecord) => void;
  /** It is stored, and the network is handed over where that is small. */
  readonly onStored: (id: string, made: MadeNetwork | null) => void;
  /** Names this service among those that share the queue. */
  readonly service: string;
}

/** Takes jobs of one class from Redis, one at a time, and has them made and kept. */
export class BullWorker {
  readonly pace = new Pace();
  /** The queue from which it takes jobs. */
  readonly channel: Channel;
  readonly #options: BullWorkerOptions;
  readonly #worker: Worker;
  readonly #running = new Map<string, AbortController>();
  /** Promises that are taken back: they hold nobody up. */
  readonly #settling = new Set<Promise<void>>();
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

  /** Gives up the job of that id, if it is made here. */
  cancel(id: string): void {
    this.#running.get(id)?.abort(new CancelledError('the prediction was cancelled'));
  }

  /** Takes no more jobs, and waits for the one that is made. */
  async close(): Promise<void> {
    await this.#worker.close();
    await Promise.all(this.#settling);
  }

  async #process(job: BullJob): Promise<null> {
    if (!isOurs(job)) throw new UnrecoverableError('it is no prediction of ghn-serve');
    const { handler, description, onFailed, planner } = this.#options;
    const { id } = job.data.record;
    const controller = new AbortController();
    this.#running.set(id, controller);
    this.#renewed = performance.now();
    const watching = setInterval(() => void this.#watch(job, controller), WATCH_MS);
    const worked = new Worked(job, () => this.#watch(job, controller));
    if (job.stalledCounter > 0) this.#options.onTakenOver(job.data.record);
    try {
      const looked = this.#look(job);
      const plan = await planner.again(await unpacked(job.data), description()!);
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
      await worked.tellAll();
      onFailed(worked.record, error as Error);
      // The reconciler drops places that nobody needs any more.
      await this.#finish(id, null).catch(() => {});
      throw new UnrecoverableError(writeFailure(error as Error));
    } finally {
      clearInterval(watching);
      this.#running.delete(id);
    }
  }

  /** Whether it was given up, and whether to look into the store before it is made. */
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
      // Redis is away: what is made is stored all the same, if nobody was faster.
      return { isCancelled: false, mayBeStored: true };
    }
  }

  /** Those who wait need not hear it from the queue, nor read from the store what is small. */
  async #tellStored({ record, generation }: Worked, made: Made | null): Promise<void> {
    // Where another commit came before, the tensors may not be those that are stored.
    const tensors = made && record.generation === generation ? made.tensors : null;
    this.#options.onStored(record.id, tensors && handedOver(record, tensors));
    const stored = { message: sealHandover(record, tensors), milliseconds: STORED_MS };
    await this.#finish(record.id, stored).catch(() => {});
  }

  /** Nobody waits for it any more; who has been promised it is not told so by what is left in the bucket. */
  async #finish(id: string, stored: { message: Buffer; milliseconds: number } | null): Promise<void> {
    const { channel, redis, promises, service } = this.#options;
    const isPromised = await finish(redis, channel, { id, service, stored });
    if (!isPromised || !promises) return;
    const settled = promises
      .settle(id)
      // The reconciler finds it stored or failed.
      .catch(() => {})
      .finally(() => this.#settling.delete(settled));
    this.#settling.add(settled);
  }

  /** Ends what was cancelled, what nobody waits for any more, and what another worker may have by now. */
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
      // The server is away: the lease's own clock counts.
    }
  }

  #abortAll(reason: Error): void {
    for (const controller of this.#running.values()) controller.abort(reason);
  }
}

/** A job under way: what changes of it is told to all services, one after the other. */
class Worked implements WorkedJob {
  plan: WorkedJob['plan'];
  mayBeStored = true;
  /** The generation of the network that was made here. */
  generation: string | null = null;
  readonly #job: BullJob;
  readonly #watch: () => Promise<void>;
  #record: PredictionRecord;
  /** News that nobody was told yet. */
  #news: Progress[] = [];
  #timer: NodeJS.Timeout | undefined;
  #told: Promise<void> = Promise.resolve();

  /** @param watch looks whether it was given up, and then aborts the signal by which it is made and kept */
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
    // That it has succeeded is told when it is stored: until then it may come to another generation.
    if (this.#record.status !== 'succeeded') this.#tell({ record: this.#record });
  }

  begin(stage: Progress['stage']): void {
    this.#tell({ record: this.#record, stage });
  }

  /** Tells the last there is to tell, and waits until all is told; what cannot be told is lost. */
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
      // In this order they reach the server.
      await Promise.allSettled(news.map((progress) => this.#job.updateProgress(progress as object)));
    });
  }
}
