import type { Architecture } from '../architecture/architecture.js';
import { canonicalGraph } from '../architecture/canonical.js';
import { type Predictor, PredictorUnavailableError } from '../predictor/predictor.js';
import type { Queue } from '../queue/queue.js';
import type { PredictionStore } from '../store/store.js';
import { type TensorSource, type TiledTensor, tensorSource } from '../tensor/tensor.js';
import { NotFoundError } from './errors.js';
import { Job } from './job.js';
import { type Plan, plan } from './plan.js';
import type { PredictionRecord } from './record.js';
import type { PredictRequest } from './request.js';

export interface PredictionsOptions {
  readonly predictor: Predictor;
  readonly store: PredictionStore;
  readonly queue: Queue;
  /** The service's own version. */
  readonly version: string;
  /** A prediction was made and answered but could not be stored. */
  readonly onStoreError: (error: Error, id: string) => void;
}

/** A prediction whose weights can be written out, from memory or from the store. */
export interface ReadyPrediction {
  readonly record: PredictionRecord;
  readonly tensors: readonly TensorSource[];
  /** Whether it was there already. */
  readonly cached: boolean;
  /** To be called once nothing is read from it any more. */
  readonly release: () => void;
}

/** Makes predictions, each once, and knows those that are stored and those in the making. */
export class Predictions {
  readonly #options: PredictionsOptions;
  readonly #jobs = new Map<string, Job>();

  constructor(options: PredictionsOptions) {
    this.#options = options;
  }

  /**
   * The prediction that was asked for, from the store or made now.
   *
   * @param signal of the one who asks: when all who wait for a prediction have gone, it is cancelled
   * @throws NotFoundError, QueueFullError, PredictorUnavailableError, the signal's reason
   */
  async predict(request: PredictRequest, signal: AbortSignal): Promise<ReadyPrediction> {
    const { record, work } = this.#plan(request);
    const stored = await this.#options.store.open(record.id);
    if (stored) return { ...stored, cached: true, release: () => stored.release() };
    const running = this.#jobs.get(record.id);
    const job = running && !running.cancelled ? running : this.#start({ record, work });
    const tensors = await job.wait(signal);
    return { record: job.record, tensors: tensors.map(tensorSource), cached: false, release: () => {} };
  }

  /** Waits until all that is in the making is made and stored. */
  async settle(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map(({ settled }) => settled));
  }

  #plan(request: PredictRequest): Plan {
    const { predictor, version } = this.#options;
    const { description } = predictor;
    if (!description) throw new PredictorUnavailableError('the GHNs are being loaded');
    const start = performance.now();
    const { architecture, milliseconds } = this.#resolve(request);
    const parse = milliseconds + performance.now() - start;
    return plan(request, architecture, parse, { description, version });
  }

  #resolve({ architecture }: PredictRequest): { architecture: Architecture; milliseconds: number } {
    if ('name' in architecture) {
      throw new NotFoundError(`no architecture is called ${JSON.stringify(architecture.name)}`);
    }
    return architecture;
  }

  #start({ record, work }: Plan): Job {
    const job = new Job(
      record,
      work,
      (job, signal) => this.#make(job, signal),
      (job, tensors) => this.#keep(job, tensors),
    );
    this.#jobs.set(record.id, job);
    void job.settled.then(() => {
      if (this.#jobs.get(record.id) === job) this.#jobs.delete(record.id);
    });
    return job;
  }

  async #make(job: Job, signal: AbortSignal): Promise<readonly TiledTensor[]> {
    const { predictor, queue } = this.#options;
    return queue.run(async () => {
      job.record = { ...job.record, status: 'running' };
      const start = performance.now();
      const { tensors, latency } = await predictor.predict(job.work, { signal });
      const before = job.record.latency_ms!;
      const total = before.total + performance.now() - start;
      job.record = { ...job.record, status: 'succeeded', latency_ms: { ...before, ...latency, total } };
      return tensors;
    }, signal);
  }

  async #keep(job: Job, tensors: readonly TiledTensor[]): Promise<void> {
    const { store, onStoreError } = this.#options;
    try {
      const architecture = canonicalGraph(job.work.architecture);
      await store.save({ record: job.record, architecture, tensors });
    } catch (error) {
      onStoreError(error as Error, job.record.id);
    }
  }
}
