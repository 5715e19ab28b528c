import { setTimeout } from 'node:timers/promises';
import { type Job, Queue, QueueEvents } from 'bullmq';
import type { Stage } from '../../../predictor/protocol.js';
import type { PredictionRecord } from '../../../record/record.js';
import { readFailure } from './failures.js';
import { isJobData, type JobData } from './job-data.js';
import type { RedisServers } from './redis.js';
import { PREFIX } from './redis.js';

/** How far a job is: its record, and the stage that begins. */
export interface Progress {
  readonly record: PredictionRecord;
  readonly stage?: Stage;
}

/** Until it is tried again to listen. */
const RETRY_MS = 500;

/** More events of all jobs are not gone through for one who has lost touch. */
const MAX_MISSED = 10_000;

/** A place in a stream of Redis. */
const PLACE = /^\d{1,15}-\d{1,9}$/;

const isBefore = (a: string, b: string): boolean => {
  const [time, count] = a.split('-').map(Number);
  const [otherTime, otherCount] = b.split('-').map(Number);
  return time < otherTime || (time === otherTime && count < otherCount);
};

export type BullJob = Job<JobData, null, string>;

/** Records of failed and cancelled predictions are kept for a day: the last ones, up to this number. */
export const KEPT = { count: 1000, age: 86_400 } as const;

/** BullMQ takes no id that reads as a number. */
export const jobId = (id: string) => `p${id}`;
const idOf = (job: string) => job.slice(1);

/** News of a job: its progress; without it the job is over or waits again, as its state says. */
export interface ChannelEvent {
  readonly id: string;
  readonly progress: Progress | null;
  /** Whether the prediction is stored. */
  readonly isStored: boolean;
  /** Its place in Redis' stream of the events of all jobs. */
  readonly at?: string;
}

/** One class of jobs in Redis: those that workers with the same engine, device and GHNs make. */
export class Channel {
  readonly name: string;
  readonly queue: Queue<JobData, null, string>;
  readonly #redis: RedisServers;
  readonly #blocking: RedisServers;
  readonly #onEvent: ((event: ChannelEvent) => void) | null;
  #listening: Promise<QueueEvents> | null = null;
  #isClosed = false;

  /** @param onEvent is told what happens to jobs, wherever it does; every event may be lost. Null where nobody asks */
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

  /** Resolves when whatever happens from now on is heard, if it is not lost. */
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
        // The server is away.
        await setTimeout(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** Begins behind the last event that there is: it may take a while until there is a connection for them. */
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

  /** Where BullMQ keeps a job. */
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

  /** Stands for a while after a prediction was stored: who looked before that may have it queued once more. */
  stored(id: string): string {
    return `${PREFIX}:${this.name}:stored:${id}`;
  }

  /** How far a job was behind that place of the stream; null where the stream does not reach back so far. */
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

  /** The record of a job as it is now; null where it is none any more. */
  async recordOf(job: BullJob): Promise<PredictionRecord | null> {
    const state = await job.getState();
    if (state === 'completed' || state === 'unknown') return null;
    const { record } = (job.progress as Progress | 0) || job.data;
    if (state === 'failed') {
      // It may have failed since it was read.
      const reason = job.failedReason ?? (await this.job(record.id))?.failedReason;
      const error = readFailure(reason);
      return { ...record, status: error.code === 'cancelled' ? 'cancelled' : 'failed', error };
    }
    if (state !== 'active') {
      if (await this.isCancelled(record.id)) return cancelledRecord(record);
      // It was begun by a worker that has died.
      return { ...record, status: 'queued' };
    }
    // A worker has it, which tells so a little later.
    return record.status === 'queued' ? { ...record, status: 'running' } : record;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const events = await this.#listening?.catch(() => null);
    await Promise.allSettled([events?.close(), this.queue.close()]);
  }
}

/** Whether it is a prediction's job: see `isJobData`. */
export const isOurs = (job: BullJob): boolean => isJobData(job.data, idOf(job.id ?? ''));

/** There is something other than a job in its place, or a job whose data is not JSON. */
const isGarbled = (error: unknown): boolean =>
  error instanceof SyntaxError || (error instanceof Error && error.message.includes('WRONGTYPE'));

const cancelledRecord = (record: PredictionRecord): PredictionRecord => ({
  ...record,
  status: 'cancelled',
  error: { code: 'cancelled', message: 'the prediction was cancelled' },
});

const LIVE: ReadonlySet<string> = new Set(['waiting', 'active', 'delayed', 'prioritized']);

/** Whether it waits or is made. */
export const isLive = async (job: BullJob): Promise<boolean> => LIVE.has(await job.getState());

/** Whether a worker has it. */
export const isActive = async (channel: Channel, id: string): Promise<boolean> =>
  (await (await channel.job(id))?.getState()) === 'active';
