import { setImmediate, setTimeout } from 'node:timers/promises';
import { keptOf } from '../architecture/text.js';
import { untilAborted } from '../async/until-aborted.js';
import { type Executor, PredictorUnavailableError } from '../predictor/executor.js';
import type { Stage } from '../predictor/protocol.js';
import type { PredictionRecord } from '../record/record.js';
import {
  type PredictionStore,
  type PredictionToStore,
  type Saved,
  StoreBusyError,
  StoreLeftError,
  type Version,
} from '../store/store.js';
import { tensorSource } from '../tensor/tensor.js';
import type { JobHandler, Made, WorkedJob } from './board/board.js';
import { digestOf, SMALL_BODY_BYTES } from './digests.js';
import { NotStoredError } from './errors.js';
import { newGeneration } from './generation.js';
import type { PredictionObserver } from './observer.js';
import { TimeLimit } from './time-limit.js';
import { bodyOfBlocks, weightsSource } from './weights.js';

/** Delays between attempts to store a prediction. */
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 2000;

export interface WorkerOptions {
  readonly executor: Executor;
  readonly store: PredictionStore;
  readonly observer: PredictionObserver;
  /** Time limit for a stage of a prediction, and for a restart of the engine before it. */
  readonly timeoutMilliseconds: number;
}

/** Computes predictions with an executor, and stores them. */
export class Worker implements JobHandler {
  readonly #options: WorkerOptions;
  /** Predictions that were computed here and whose record is not stored yet. */
  readonly #unsaved = new Map<string, WorkedJob>();
  #making = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** True while it computes a prediction. */
  get isBusy(): boolean {
    return this.#making > 0;
  }

  async make(job: WorkedJob, signal: AbortSignal): Promise<Made | null> {
    const { executor, observer, timeoutMilliseconds } = this.#options;
    const limit = new TimeLimit(timeoutMilliseconds, signal);
    this.#making++;
    try {
      if (!executor.ready) await executor.whenReady(limit.signal);
      job.update({ status: 'running' });
      // It may have been stored between the request and its turn.
      const stored = job.mayBeStored && (await untilAborted(this.#look(job.record.id), limit.signal));
      if (stored) {
        job.update(stored);
        return null;
      }
      const start = performance.now();
      const onStage = (stage: Stage) => {
        limit.restart();
        job.begin(stage);
      };
      limit.restart();
      const made = await executor.predict(job.plan.work, { signal: limit.signal, onStage });
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
      this.#making--;
      limit.end();
    }
  }

  /** @throws NotStoredError */
  async keep(job: WorkedJob, { tensors, statistics }: Made, signal?: AbortSignal): Promise<void> {
    const { observer } = this.#options;
    const { id, request } = job.record;
    this.#unsaved.set(id, job);
    const confirmed = job.confirm();
    try {
      const { network, overflow } = await statistics.catch(withoutStatistics);
      const source = weightsSource(job.record, tensors.map(tensorSource), request);
      const { byteLength: bytes } = source;
      const digest = bytes <= SMALL_BODY_BYTES ? await digestOf(source) : null;
      job.update({ statistics: network, overflow, bytes, digest });
      const kept = keptOf(job.plan.work.architecture);
      // A small answer is written by then, and the record need not be changed again for how long that took.
      await setImmediate();
      this.#unsaved.delete(id);
      const { record } = job;
      const body = () => bodyOfBlocks(record, tensors);
      await confirmed;
      signal?.throwIfAborted();
      const saved = await this.#save({ record, ...kept, tensors, body }, signal);
      observer.committed(saved);
      const theirs = saved === 'theirs' && (await this.#look(id));
      if (theirs) job.update(theirs);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      observer.storeFailed(id, error as Error);
      throw new NotStoredError(error as Error);
    } finally {
      if (this.#unsaved.get(id) === job) this.#unsaved.delete(id);
    }
  }

  /**
   * Looks for the stored record. If a shared store cannot be reached, returns null: the first commit stays in any
   * case.
   */
  async #look(id: string): Promise<PredictionRecord | null> {
    const { store } = this.#options;
    try {
      return await store.record(id);
    } catch (error) {
      if (store.promises && error instanceof StoreBusyError) return null;
      throw error;
    }
  }

  /** Tries again while a shared store cannot be reached, so that the result is not lost. */
  async #save(prediction: PredictionToStore, signal?: AbortSignal): Promise<Saved> {
    const { store, timeoutMilliseconds } = this.#options;
    const end = performance.now() + timeoutMilliseconds;
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, MAX_DELAY_MS)) {
      try {
        return await store.save(prediction, { signal });
      } catch (error) {
        const isAway =
          store.promises && error instanceof StoreBusyError && !(error instanceof StoreLeftError);
        if (!isAway || signal?.aborted || performance.now() + delay > end) throw error;
        await setTimeout(delay, undefined, { signal }).catch(() => {});
      }
    }
  }

  /**
   * Adds to the record how long the first answer took to write. Returns false if the record can no longer be changed
   * here.
   */
  noteSerialized({ id, generation }: Version, milliseconds: number): boolean {
    const job = this.#unsaved.get(id);
    if (job?.record.generation !== generation) return false;
    const { latency_ms: before } = job.record;
    if (before?.serialize === 0) {
      job.update({ latency_ms: { ...before, serialize: milliseconds, total: before.total + milliseconds } });
    }
    return true;
  }
}

/**
 * The engine stopped after it had made the network, but before it computed the statistics. The network itself is
 * complete.
 */
function withoutStatistics(error: Error): { network: null; overflow: null } {
  if (error instanceof PredictorUnavailableError) return { network: null, overflow: null };
  throw error;
}
