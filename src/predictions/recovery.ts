import { type Executor, PredictorUnavailableError } from '../predictor/executor.js';
import type { PredictionStore, StoredPrediction } from '../store/store.js';
import { tensorSource } from '../tensor/tensor.js';
import { NotFoundError } from './errors.js';
import type { Job } from './job.js';
import type { Jobs } from './jobs.js';
import { LastingTensors, type Reading } from './lasting-tensors.js';
import type { PredictionObserver } from './observer.js';
import type { Plan } from './plan.js';
import { planAgain } from './remake.js';

/** Who still reads a prediction so long after it was stored reads on from there: memory is for those that are made. */
const READING_FROM_MEMORY_MS = 3000;

export interface RecoveryOptions {
  readonly predictor: Executor;
  readonly store: PredictionStore;
  readonly jobs: Jobs;
  /** Joins the job of a plan or begins it. */
  readonly join: (plan: Plan) => Job;
  readonly observer: PredictionObserver;
}

/** Makes predictions again that the store finds corrupt, for whoever reads them and for the store. */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #remaking = new Set<string>();

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Whether a prediction is being made again, which who reads it waits for. */
  isRemaking(id: string): boolean {
    return this.#remaking.has(id);
  }

  /**
   * A stored prediction whose tensors can be read to their end, whatever the disk makes of them meanwhile; null where
   * there is none. A read rejects where it was corrupt and cannot be made again.
   */
  async open(id: string): Promise<Pick<StoredPrediction, 'record' | 'tensors' | 'release'> | null> {
    const stored = await this.#options.store.open(id);
    if (!stored) return null;
    const lasting = new LastingTensors(readingOf(stored), () => this.#replacement(id));
    return { record: stored.record, tensors: lasting.tensors, release: () => lasting.release() };
  }

  /** The tensors of a prediction that was just made: from memory, and from the store for those who read slowly. */
  openMade(job: Job): Pick<StoredPrediction, 'tensors' | 'release'> {
    const { store } = this.#options;
    const { id } = job.record;
    const lasting = new LastingTensors(madeReading(job, store), () => this.#replacement(id), {
      isSound: true,
    });
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    const move = async () => {
      timer = undefined;
      const stored = await store.open(id).catch(() => null);
      if (stored) lasting.move(readingOf(stored));
    };
    void job.settled.then(() => {
      if (!isOver) timer = setTimeout(move, READING_FROM_MEMORY_MS).unref();
    });
    const release = () => {
      isOver = true;
      clearTimeout(timer);
      lasting.release();
    };
    return { tensors: lasting.tensors, release };
  }

  /**
   * The job that makes a prediction again which was found corrupt; null where none was.
   *
   * @throws NotFoundError where it cannot be made again; OverloadedError, PredictorUnavailableError
   */
  async begin(id: string): Promise<Job | null> {
    const { store, jobs, predictor, join, observer } = this.#options;
    const remains = await store.remains(id);
    const running = jobs.running(id);
    if (running) return running;
    if (!remains) return null;
    const { description } = predictor;
    if (!description) throw new PredictorUnavailableError('the GHNs are being loaded');
    const job = join(planAgain(remains, description));
    job.detach();
    observer.remade(job.record);
    this.#remaking.add(id);
    void job.settled.then(() => {
      this.#remaking.delete(id);
      // Whoever asks for it next has it tried again.
      if (job.record.status === 'failed') jobs.forget(id);
    });
    return job;
  }

  /** What is read on from where a stored prediction turned out corrupt. */
  async #replacement(id: string): Promise<Reading> {
    const { store } = this.#options;
    // Another reader may have met the fault earlier.
    const stored = await store.open(id);
    if (stored) return readingOf(stored);
    const job = await this.begin(id);
    if (!job) {
      throw new NotFoundError(
        `the prediction ${JSON.stringify(id)} was found corrupt in the store and removed; ask for it again`,
      );
    }
    await job.made;
    return madeReading(job, store);
  }
}

/** Of a job that has made its tensors; they are in memory until it is released. */
function madeReading({ tensors, place }: Job, store: PredictionStore): Reading {
  return {
    tensors: tensors!.map(tensorSource),
    checksums: () => store.checksums(tensors!),
    release: place.hold(),
  };
}

function readingOf({ tensors, checksums, release }: StoredPrediction): Reading {
  return { tensors, checksums: () => checksums, release };
}
