import { type KeptArchitecture, keptOf } from '../../architecture/text.js';
import { Queue, Turn } from '../../async/queue.js';
import { type Executor, PredictorUnavailableError } from '../../predictor/executor.js';
import type { PredictionRecord } from '../../record/record.js';
import type { Admission } from '../admission.js';
import { CancelledError } from '../errors.js';
import { failureOf } from '../failure.js';
import type { PredictionObserver } from '../observer.js';
import type { Plan } from '../plan.js';
import type { JobBoard, JobEvent, JobHandler, Made, MadeNetwork, Submitted, Watch } from './board.js';
import { EndedPredictions } from './ended.js';
import { Job } from './job.js';

export interface MemoryBoardOptions {
  readonly admission: Admission;
  /** The executor whose readiness decides whether a prediction is accepted. */
  readonly executor: Pick<Executor, 'ready' | 'readySoon'>;
  readonly observer: PredictionObserver;
}

/** The board of one process. It does one job at a time, clients take turns, and jobs end with the process. */
export class MemoryBoard implements JobBoard {
  readonly #options: MemoryBoardOptions;
  readonly #queue = new Queue();
  readonly #jobs = new Map<string, Job>();
  readonly #turns = new WeakMap<Job, Turn>();
  readonly #ended = new EndedPredictions();
  #handler: JobHandler | null = null;

  constructor(options: MemoryBoardOptions) {
    this.#options = options;
  }

  work(handler: JobHandler): void {
    this.#handler = handler;
  }

  async submit(plan: Plan, waiter?: AbortSignal, client = ''): Promise<Submitted> {
    const running = this.#running(plan.record.id);
    if (running) {
      this.#turns.get(running)?.join(client);
      this.#options.observer.shared(running.record, 'joined');
    }
    const job = running ?? this.#begin(plan, waiter !== undefined, client);
    if (!waiter) job.detach();
    const made = waiter ? job.wait(waiter) : job.made;
    // The client gets the error from the returned promise.
    made.catch(() => {});
    return { record: job.record, isNew: !running, made: () => made };
  }

  async view(id: string): Promise<PredictionRecord | null> {
    return this.#jobs.get(id)?.record ?? this.#ended.get(id) ?? null;
  }

  async views(): Promise<readonly PredictionRecord[]> {
    return [...[...this.#jobs.values()].map(({ record }) => record), ...this.#ended.values()];
  }

  async request(id: string): Promise<KeptArchitecture | null> {
    const job = this.#jobs.get(id);
    return job ? keptOf(job.plan.work.architecture) : null;
  }

  async made(id: string): Promise<MadeNetwork | null> {
    return this.#jobs.get(id)?.network ?? null;
  }

  async watch(id: string, watcher: (event: JobEvent) => void): Promise<Watch | null> {
    const job = this.#jobs.get(id);
    return job ? { record: job.record, unwatch: job.watch(watcher) } : null;
  }

  async missed(id: string, after: string): Promise<readonly JobEvent[] | null> {
    return this.#jobs.get(id)?.missed(after) ?? null;
  }

  async cancel(id: string): Promise<boolean> {
    const job = this.#jobs.get(id);
    if (!job || job.network) return false;
    job.cancel();
    return true;
  }

  async forget(id: string): Promise<boolean> {
    return this.#ended.delete(id);
  }

  async settled(id: string): Promise<boolean> {
    const job = this.#jobs.get(id);
    await job?.settled;
    return job !== undefined;
  }

  async depth(): Promise<number> {
    return this.#queue.depth;
  }

  async secondsUntilIdle(): Promise<number> {
    return this.#options.admission.secondsUntilIdle;
  }

  get workers(): number {
    return this.#options.executor.ready ? 1 : 0;
  }

  async settle(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map(({ settled }) => settled));
  }

  async close(): Promise<void> {}

  /** The job of a prediction, unless it was cancelled. */
  #running(id: string): Job | null {
    const job = this.#jobs.get(id);
    return job && !job.cancelled ? job : null;
  }

  #begin(plan: Plan, isWaitedFor: boolean, client: string): Job {
    const { id } = plan.record;
    const { admission, executor } = this.#options;
    if (isWaitedFor && !executor.ready) throw new PredictorUnavailableError('the engine is being started');
    if (!executor.readySoon) throw new PredictorUnavailableError('the engine could not be started yet');
    const place = admission.admit(plan.cost, isWaitedFor, client);
    const turn = new Turn(client);
    this.#ended.delete(id);
    const job: Job = new Job(plan, place, {
      make: (job, signal) => this.#queue.run(() => this.#handler!.make(job, signal), signal, turn),
      keep: (job, made) => this.#keep(job, made),
      fail: (job, error) => this.#fail(job, error),
    });
    this.#jobs.set(id, job);
    this.#turns.set(job, turn);
    void job.settled.then(() => {
      place.settle();
      if (this.#jobs.get(id) === job) this.#jobs.delete(id);
    });
    return job;
  }

  async #keep(job: Job, made: Made): Promise<void> {
    try {
      await this.#handler!.keep(job, made);
    } catch (error) {
      // Waiting clients have their answer. A client that comes back later must learn why the prediction is not
      // stored.
      this.#end(job, 'failed', error as Error);
    }
  }

  #fail(job: Job, error: Error): void {
    this.#end(job, error instanceof CancelledError ? 'cancelled' : 'failed', error);
    this.#options.observer.failed(job.record, error);
  }

  #end(job: Job, status: 'failed' | 'cancelled', error: Error): void {
    job.update({ status, error: failureOf(error) });
    // If a cancelled prediction is being computed again, the new job has its state.
    if (this.#jobs.get(job.record.id) === job) this.#ended.add(job.record);
  }
}
