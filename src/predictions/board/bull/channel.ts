import { setTimeout } from 'node:timers/promises';
import { type Job, Queue, QueueEvents } from 'bullmq';
import type { Stage } from '../../../predictor/protocol.js';
import type { PredictionRecord } from '../../../record/record.js';
import { readFailure } from './failures.js';
import { isJobData, type JobData } from './job-data.js';
import type { RedisServers } from './redis.js';
import { PREFIX } from './redis.js';

/** Progress of a job: its record, and the stage that begins. */
export interface Progress {
  readonly record: PredictionRecord;
  readonly stage?: Stage;
}

/** Delay before it tries again to listen. */
const RETRY_MS = 500;

/** The most events of all jobs that are searched for a client that missed some. */
const MAX_MISSED = 10_000;

/** The id of an entry in a stream of Redis. */
const PLACE = /^\d{1,15}-\d{1,9}$/;

const isBefore = (a: string, b: string): boolean => {
  const [time, count] = a.split('-').map(Number);
  const [otherTime, otherCount] = b.split('-').map(Number);
  return time < otherTime || (time === otherTime && count < otherCount);
};

export type BullJob = Job<JobData, null, string>;

/** Records of failed and cancelled predictions are kept for a day, up to this number. */
export const KEPT = { count: 1000, age: 86_400 } as const;

/** The letter is needed since BullMQ refuses ids that look like numbers. */
export const jobId = (id: string) => `p${id}`;
const idOf = (job: string) => job.slice(1);

/** An event of a job. Without progress, the job is over or waits again; its state says which. */
export interface ChannelEvent {
  readonly id: string;
  readonly progress: Progress | null;
  /** True if the prediction is stored. */
  readonly isStored: boolean;
  /** The id of the event in Redis' stream of all jobs' events. */
  readonly at?: string;
}

/** One class of jobs in Redis: those for workers with the same engine, device and GHNs. */
export class Channel {
  readonly name: string;
  readonly queue: Queue<JobData, null, string>;
  readonly #redis: RedisServers;
  readonly #blocking: RedisServers;
  readonly #onEvent: ((event: ChannelEvent) => void) | null;
  #listening: Promise<QueueEvents> | null = null;
  #isClosed = false;

  /** @param onEvent called on events of jobs of all services; any event may be lost. Null if no client asks here */
  constructor(
    name: string,
    redis: RedisServers,
    blocking: RedisServers,
    onEvent: ((event: ChannelEvent) => void) | null,
  ) {
    this.name = name;
    this.#redis = redis;
    this.#blocking = blocking;
    this.#onEvent = onEvent;
    this.queue = new Queue(name, { connection: redis, prefix: PREFIX });
    this.queue.on('error', () => {});
    void this.#listenSometime();
  }

  /** Resolves once all later events are received, apart from those that are lost. */
  async listening(): Promise<void> {
    if (!this.#onEvent) return;
    this.#listening ??= this.#listen(this.#onEvent).catch((error: unknown) => {
      this.#listening = null;
      throw error;
    });
    await this.#listening;
  }

  async #listenSometime(): Promise<void> {
    while (!this.#isClosed) {
      try {
        return await this.listening();
      } catch {
        // Redis cannot be reached.
        await setTimeout(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** Begins after the current last event, since it may take a while until the connection exists. */
  async #listen(onEvent: (event: ChannelEvent) => void): Promise<QueueEvents> {
    const [last] = await this.#redis.xrevrange(this.queue.toKey('events'), '+', '-', 'COUNT', 1);
    const events = new QueueEvents(this.name, {
      connection: this.#blocking,
      prefix: PREFIX,
      lastEventId: last?.[0] ?? '0-0',
    });
    events.on('error', () => {});
    const changed =
      (isStored: boolean) =>
      ({ jobId }: { jobId: string }) =>
        onEvent({ id: idOf(jobId), progress: null, isStored });
    events.on('completed', changed(true));
    events.on('failed', changed(false));
    events.on('stalled', changed(false));
    events.on('progress', ({ jobId, data }, at) =>
      onEvent({ id: idOf(jobId), progress: data as unknown as Progress, isStored: false, at }),
    );
    return events;
  }

  get places(): string {
    return `${PREFIX}:${this.name}:places`;
  }

  /** The key under which BullMQ keeps a job. */
  jobKey(id: string): string {
    return this.queue.toKey(jobId(id));
  }

  /** The key of the lock that a worker holds while it works on a job. */
  lockKey(id: string): string {
    return `${this.jobKey(id)}:lock`;
  }

  waiters(id: string): string {
    return `${PREFIX}:${this.name}:waiters:${id}`;
  }

  cancelled(id: string): string {
    return `${PREFIX}:${this.name}:cancelled:${id}`;
  }

  /**
   * A key that exists for a while after a prediction was stored: a service that checked the store before that may
   * queue the prediction again.
   */
  stored(id: string): string {
    return `${PREFIX}:${this.name}:stored:${id}`;
  }

  /**
   * The progress events of a job after the place `after` in the stream; null if the stream does not reach back that
   * far.
   */
  async missed(id: string, after: string): Promise<readonly ChannelEvent[] | null> {
    if (!PLACE.test(after)) return null;
    const stream = this.queue.toKey('events');
    const [[first], entries] = await Promise.all([
      this.#redis.xrange(stream, '-', '+', 'COUNT', 1),
      this.#redis.xrange(stream, `(${after}`, '+', 'COUNT', MAX_MISSED),
    ]);
    if (!first || entries.length === MAX_MISSED || isBefore(after, first[0])) return null;
    return entries.flatMap(([at, fields]) => {
      const event = Object.fromEntries(
        fields.flatMap((_, k) => (k % 2 === 0 ? [[fields[k], fields[k + 1]]] : [])),
      ) as { event?: string; jobId?: string; data?: string };
      if (event.event !== 'progress' || event.jobId !== jobId(id)) return [];
      return [{ id, progress: JSON.parse(event.data ?? 'null') as Progress, isStored: false, at }];
    });
  }

  async job(id: string): Promise<BullJob | null> {
    const job = await this.queue.getJob(jobId(id)).catch((error: unknown) => {
      if (isGarbled(error)) return null;
      throw error;
    });
    return job && isOurs(job as BullJob) ? (job as BullJob) : null;
  }

  isCancelled(id: string): Promise<boolean> {
    return this.#redis.exists(this.cancelled(id)).then((count) => count > 0);
  }

  /** The current record of a job; null if the job no longer exists. */
  async recordOf(job: BullJob): Promise<PredictionRecord | null> {
    const state = await job.getState();
    if (state === 'completed' || state === 'unknown') return null;
    const { record } = (job.progress as Progress | 0) || job.data;
    if (state === 'failed') {
      // It may have failed after the job was read.
      const reason = job.failedReason ?? (await this.job(record.id))?.failedReason;
      const error = readFailure(reason);
      return { ...record, status: error.code === 'cancelled' ? 'cancelled' : 'failed', error };
    }
    if (state !== 'active') {
      if (await this.isCancelled(record.id)) return cancelledRecord(record);
      // If it has begun before, that worker has died.
      return { ...record, status: 'queued' };
    }
    // A worker has it, but has not reported that yet.
    return record.status === 'queued' ? { ...record, status: 'running' } : record;
  }

  /** Closes its connections at once. */
  disconnect(): void {
    this.#isClosed = true;
    this.queue.disconnect().catch(() => {});
    this.#listening?.then((events) => events.disconnect()).catch(() => {});
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const events = await this.#listening?.catch(() => null);
    await Promise.allSettled([events?.close(), this.queue.close()]);
  }
}

/** Returns true if the job is a prediction's: see `isJobData`. */
export const isOurs = (job: BullJob): boolean => isJobData(job.data, idOf(job.id ?? ''));

/** Redis has something other than a job under the key, or a job whose data is not JSON. */
const isGarbled = (error: unknown): boolean =>
  error instanceof SyntaxError || (error instanceof Error && error.message.includes('WRONGTYPE'));

const cancelledRecord = (record: PredictionRecord): PredictionRecord => ({
  ...record,
  status: 'cancelled',
  error: { code: 'cancelled', message: 'the prediction was cancelled' },
});

const LIVE: ReadonlySet<string> = new Set(['waiting', 'active', 'delayed', 'prioritized']);

/** Returns true if the job waits or is being done. */
export const isLive = async (job: BullJob): Promise<boolean> => LIVE.has(await job.getState());

/** Returns true if a worker has the job. */
export const isActive = async (channel: Channel, id: string): Promise<boolean> =>
  (await (await channel.job(id))?.getState()) === 'active';
