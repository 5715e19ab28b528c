import { canonicalGraph } from '../architecture/canonical.js';
import { type Executor, PredictorUnavailableError } from '../predictor/executor.js';
import type { Stage } from '../predictor/protocol.js';
import type { Queue } from '../queue/queue.js';
import type { PredictionRecord } from '../record/record.js';
import type { PredictionStore } from '../store/store.js';
import { tensorSource } from '../tensor/tensor.js';
import type { Place } from './admission.js';
import type { PredictionCost } from './cost.js';
import { EndedPredictions } from './ended.js';
import { CancelledError, NotStoredError } from './errors.js';
import { failureOf } from './failure.js';
import { newGeneration } from './generation.js';
import { Job, type Made } from './job.js';
import type { PredictionObserver } from './observer.js';
import type { Plan } from './plan.js';
import { TimeLimit } from './time-limit.js';
import { weightsSource } from './weights.js';

export interface JobsOptions {
  readonly predictor: Executor;
  readonly store: PredictionStore;
  readonly queue: Queue;
  readonly observer: PredictionObserver;
  /** For how long a stage of a prediction may take, and the engine's restart before it. */
  readonly timeoutMilliseconds: number;
  /** Called when a prediction is stored. */
  readonly onStored: (id: string) => void;
}

/** The predictions in the making, each once, and those that came to nothing. */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #ended = new EndedPredictions();

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** The job that makes it, or that has made it and stores it. */
  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Of what is in the making or came to nothing. */
  record(id: string): PredictionRecord | undefined {
    return this.#jobs.get(id)?.record ?? this.#ended.get(id);
  }

  /** Of all that is in the making or came to nothing. */
  records(): PredictionRecord[] {
    return [...[...this.#jobs.values()].map(({ record }) => record), ...this.#ended.values()];
  }

  /** The job that makes it, unless that was given up. */
  running(id: string): Job | undefined {
    const job = this.#jobs.get(id);
    return job?.cancelled ? undefined : job;
  }

  /**
   * The job that makes it, or a new one.
   *
   * @param admit gives a new one its place, or throws
   */
  join({ record, work, cost }: Plan, admit: (cost: PredictionCost) => Place): Job {
    const running = this.running(record.id);
    if (running) {
      this.#options.observer.shared(running.record, 'joined');
      return running;
    }
    const place = admit(cost);
    this.#ended.delete(record.id);
    const job: Job = new Job(record, work, place, {
      make: (job, signal) => this.#make(job, signal),
      keep: (job, made) => this.#keep(job, made),
      fail: (job, error) => this.#fail(job, error),
    });
    this.#jobs.set(record.id, job);
    void job.settled.then(() => {
      place.settle();
      if (this.#jobs.get(record.id) === job) this.#jobs.delete(record.id);
    });
    return job;
  }

  /** Forgets one that came to nothing; whether there was one. */
  forget(id: string): boolean {
    return this.#ended.delete(id);
  }

  /** Waits until all are made and stored, or have come to nothing. */
  async settle(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map(({ settled }) => settled));
  }

  async #make(job: Job, signal: AbortSignal): Promise<Made> {
    const { predictor, queue, observer } = this.#options;
    return queue.run(async () => {
      const limit = new TimeLimit(this.#options.timeoutMilliseconds, signal);
      try {
        if (!predictor.ready) await predictor.whenReady(limit.signal);
        job.update({ status: 'running' });
        job.place.begin();
        const start = performance.now();
        const onStage = (stage: Stage) => {
          limit.restart();
          job.begin(stage);
        };
        limit.restart();
        const made = await predictor.predict(job.work, { signal: limit.signal, onStage });
        job.place.made(made.latency);
        const before = job.record.latency_ms!;
        const total = before.total + performance.now() - start;
        const applied = made.applied?.map(({ name, ...done }) => ({ tensor: name, ...done })) ?? null;
        job.update({
          status: 'succeeded',
          latency_ms: { ...before, ...made.latency, total },
          applied,
          generation: newGeneration(),
        });
        observer.made(job.record);
        return made;
      } finally {
        limit.end();
      }
    }, signal);
  }

  async #keep(job: Job, { tensors, statistics }: Made): Promise<void> {
    const { store, observer, onStored } = this.#options;
    const { record } = job;
    try {
      const { network, overflow } = await statistics.catch(withoutStatistics);
      job.update({
        statistics: network,
        overflow,
        bytes: weightsSource(record, tensors.map(tensorSource), record.request).byteLength,
      });
      const architecture = canonicalGraph(job.work.architecture);
      const kerasModel = job.work.architecture.keras?.model;
      const saved = await store.save({ record: job.record, architecture, kerasModel, tensors });
      const theirs = saved === 'theirs' && (await store.record(record.id));
      if (theirs) job.update(theirs);
      onStored(record.id);
    } catch (error) {
      // Whoever waited has the answer; whoever comes back for it must learn why it is not there.
      this.#end(job, 'failed', new NotStoredError(error as Error));
      observer.storeFailed(record.id, error as Error);
    }
  }

  #fail(job: Job, error: Error): void {
    this.#end(job, error instanceof CancelledError ? 'cancelled' : 'failed', error);
    this.#options.observer.failed(job.record, error);
  }

  #end(job: Job, status: 'failed' | 'cancelled', error: Error): void {
    job.update({ status, error: failureOf(error) });
    // Of one that was given up and is being made again, what is made now counts.
    if (this.#jobs.get(job.record.id) === job) this.#ended.add(job.record);
  }
}

/** The engine that made a network died before it had counted it up: what was made is whole. */
function withoutStatistics(error: Error): { network: null; overflow: null } {
  if (error instanceof PredictorUnavailableError) return { network: null, overflow: null };
  throw error;
}
