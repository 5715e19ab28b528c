import { canonicalGraph } from '../architecture/canonical.js';
import type { Limits } from '../architecture/limits.js';
import type { Graph } from '../architecture/schema.js';
import { type Executor, PredictorUnavailableError } from '../predictor/executor.js';
import type { Queue } from '../queue/queue.js';
import type { PredictionRecord } from '../record/record.js';
import type { StatisticsLanes } from '../statistics/lanes.js';
import type { ListOptions, RecordPage } from '../store/list.js';
import type { PredictionStore, Version } from '../store/store.js';
import { untilAborted } from '../until-aborted.js';
import type { Admission } from './admission.js';
import { NotFoundError, NotReadyError } from './errors.js';
import type { Job, JobEvent } from './job.js';
import { Jobs } from './jobs.js';
import { mergePages } from './listing.js';
import { observers, type PredictionObserver } from './observer.js';
import { findGhn, type Plan, plan } from './plan.js';
import type { ReadyPrediction } from './ready-prediction.js';
import { Recovery } from './recovery.js';
import type { PredictRequest } from './request.js';
import { resolveArchitecture } from './resolve.js';
import { SharedStatistics } from './shared-statistics.js';
import { StoredRecords } from './stored-records.js';

export interface PredictionsOptions {
  readonly predictor: Executor;
  readonly store: PredictionStore;
  readonly queue: Queue;
  readonly statistics: StatisticsLanes;
  readonly admission: Admission;
  /** How large an architecture may be. */
  readonly limits: Limits;
  /** For how long a stage of a prediction may take. */
  readonly timeoutMilliseconds: number;
  readonly observers: readonly PredictionObserver[];
}

/** Makes predictions, each once, and knows all of them: stored, in the making, and those that came to nothing. */
export class Predictions {
  readonly #options: PredictionsOptions;
  readonly #observer: PredictionObserver;
  readonly #jobs: Jobs;
  readonly #recovery: Recovery;
  readonly #stored: StoredRecords;
  readonly #statistics: SharedStatistics;
  /** Weights that are being read or waited for. */
  #busy = 0;
  /** How many predictions were stored. */
  #saves = 0;

  constructor(options: PredictionsOptions) {
    this.#options = options;
    const { queue } = options;
    this.#statistics = new SharedStatistics(options.statistics);
    this.#observer = observers(options.observers);
    this.#jobs = new Jobs({
      ...options,
      observer: this.#observer,
      onStored: (id) => {
        this.#saves++;
        this.#stored.added(id);
      },
    });
    this.#recovery = new Recovery({
      ...options,
      observer: this.#observer,
      jobs: this.#jobs,
      join: (planned) => this.#join(planned),
    });
    this.#stored = new StoredRecords({
      ...options,
      observer: this.#observer,
      jobs: this.#jobs,
      recovery: this.#recovery,
      isIdle: () => this.#busy === 0 && !queue.busy,
    });
  }

  /** How large an architecture may be. */
  get limits(): Limits {
    return this.#options.limits;
  }

  /**
   * The prediction that was asked for, from the store or made now.
   *
   * @param signal of the one who asks: when all who wait for a prediction have gone, it is cancelled
   * @throws NotFoundError, InvalidRequestError, OverloadedError, PredictorUnavailableError, the signal's reason
   */
  async predict(request: PredictRequest, signal: AbortSignal): Promise<ReadyPrediction> {
    const planned = this.#plan(request);
    this.#busy++;
    try {
      const stored = await this.#findInTime(planned.record.id, signal);
      if (stored) {
        this.#observer.shared(stored.record, 'stored');
        return stored;
      }
      const job = this.#join(planned);
      await job.wait(signal);
      return this.#readyJob(job);
    } finally {
      this.#busy--;
    }
  }

  /** Starts it, or finds it, and does not wait: its record says how far it is. */
  async begin(request: PredictRequest): Promise<PredictionRecord> {
    const planned = this.#plan(request);
    const stored = await this.#options.store.record(planned.record.id);
    if (stored) {
      this.#observer.shared(stored, 'stored');
      return stored;
    }
    const job = this.#join(planned, { isWaitedFor: false });
    job.detach();
    return job.record;
  }

  /** @throws NotFoundError */
  async record(id: string): Promise<PredictionRecord> {
    const live = this.progress(id);
    if (live && live.status !== 'succeeded') return live;
    const stored = (await this.#stored.get(id)) ?? (await this.#recovery.begin(id))?.record;
    // Meanwhile it may have turned out that it could not be stored.
    const record = stored ?? this.progress(id);
    if (!record) throw this.#notFound(id);
    return record;
  }

  /** The record of what is in the making or came to nothing; undefined where it is stored, or unknown. */
  progress(id: string): PredictionRecord | undefined {
    return this.#jobs.record(id);
  }

  /** @throws NotFoundError; NotReadyError where it came to nothing: of that the record alone is kept */
  async architecture(id: string): Promise<Graph> {
    const { store } = this.#options;
    const job = this.#jobs.get(id);
    const graph = job
      ? canonicalGraph(job.work.architecture)
      : ((await store.architecture(id)) ?? (await store.remains(id))?.architecture);
    if (graph) return graph;
    const ended = this.progress(id);
    if (ended) throw new NotReadyError(ended);
    if (await store.record(id)) {
      throw new NotFoundError(
        'the graph of the prediction was found corrupt in the store; its weights are whole: delete it and ask for it again',
      );
    }
    throw this.#notFound(id);
  }

  /** The Keras model that a prediction's architecture was given as; null where it was given otherwise. */
  async kerasModel(id: string): Promise<unknown> {
    const { store } = this.#options;
    const job = this.#jobs.get(id);
    if (job) return job.work.architecture.keras?.model ?? null;
    return (await store.kerasModel(id)) ?? (await store.remains(id))?.kerasModel ?? null;
  }

  /** @throws NotFoundError, NotReadyError */
  async open(id: string): Promise<ReadyPrediction> {
    const job = this.#jobs.get(id);
    if (job?.tensors) return this.#readyJob(job);
    const live = this.progress(id);
    if (live && !this.#recovery.isRemaking(id)) throw new NotReadyError(live);
    const ready = (await this.#openStored(id)) ?? (await this.#openRemade(id));
    if (!ready) throw this.#notFound(id);
    return ready;
  }

  /**
   * Statistics of each tensor and of the network, as JSON.
   *
   * @param signal of the one who asks: when all who wait for them have gone, they are given up
   * @throws NotFoundError, NotReadyError, StatisticsUnavailableError, the signal's reason
   */
  async statistics(id: string, signal: AbortSignal): Promise<Buffer> {
    return this.#statistics.of(await this.open(id), signal);
  }

  /** @throws BadCursorError */
  async list(options: ListOptions): Promise<RecordPage> {
    return mergePages(this.#jobs.records(), await this.#options.store.list(options), options);
  }

  /**
   * Cancels what is queued or running and deletes what is stored; downloads under way are finished.
   *
   * @throws NotFoundError
   */
  async delete(id: string): Promise<void> {
    const job = this.#jobs.get(id);
    if (job && !job.tensors) {
      job.cancel();
      // If it is being made again, what is left of it must go as well.
      await this.#options.store.delete(id);
      return;
    }
    await job?.settled;
    const wasStored = await this.#options.store.delete(id);
    if (!this.#jobs.forget(id) && !wasStored && !job) throw this.#notFound(id);
  }

  /**
   * Calls back whenever something happens to a prediction in the making, until the function that it returns is called;
   * null where there is nothing to wait for.
   */
  watch(id: string, watcher: (event: JobEvent) => void): (() => void) | null {
    return this.#jobs.get(id)?.watch(watcher) ?? null;
  }

  /** Takes down how long the first answer took to write, once it is stored. */
  noteSerialized(version: Version, milliseconds: number): void {
    this.#stored.noteSerialized(version, milliseconds);
  }

  /** Waits until all that is in the making is made and stored. */
  async settle(): Promise<void> {
    await this.#jobs.settle();
    await this.#stored.settle();
  }

  #plan(request: PredictRequest): Plan {
    const { predictor, limits } = this.#options;
    const { description } = predictor;
    if (!description) throw new PredictorUnavailableError('the GHNs are being loaded');
    const start = performance.now();
    const { architecture, milliseconds } = resolveArchitecture(request, limits);
    const parse = milliseconds + performance.now() - start;
    return plan(request, architecture, parse, findGhn(description.ghns, request.ghn), description);
  }

  /**
   * @throws InvalidRequestError, OverloadedError, PredictorUnavailableError where it is not taken in: it is as if it was
   * never asked for
   */
  #join(planned: Plan, { isWaitedFor = true } = {}): Job {
    const { predictor, admission } = this.#options;
    return this.#jobs.join(planned, (cost) => {
      if (isWaitedFor && !predictor.ready) throw new PredictorUnavailableError('the engine is being started');
      if (!predictor.readySoon) throw new PredictorUnavailableError('the engine could not be started yet');
      return admission.admit(cost, isWaitedFor);
    });
  }

  /** As `#find`, unless the store takes longer than the one who asks will wait. */
  async #findInTime(id: string, signal: AbortSignal): Promise<ReadyPrediction | null> {
    const found = this.#find(id);
    try {
      return await untilAborted(found, signal);
    } catch (error) {
      found.then(
        (late) => late?.release(),
        () => {},
      );
      throw error;
    }
  }

  /** What is stored; null where it is not, or is in the making. */
  async #find(id: string): Promise<ReadyPrediction | null> {
    for (;;) {
      if (this.#jobs.running(id)) return null;
      const saves = this.#saves;
      const stored = await this.#openStored(id);
      // While the store looked for it in vain, it may have been made and stored.
      if (stored || saves === this.#saves) return stored;
    }
  }

  #readyJob(job: Job): ReadyPrediction {
    return this.#reading({ ...this.#recovery.openMade(job), record: job.record, cached: false });
  }

  async #openStored(id: string): Promise<ReadyPrediction | null> {
    const stored = await this.#recovery.open(id);
    return stored && this.#reading({ ...stored, cached: true });
  }

  /** What the store has lost, made again. */
  async #openRemade(id: string): Promise<ReadyPrediction | null> {
    const job = await this.#recovery.begin(id);
    await job?.made;
    return job && this.#readyJob(job);
  }

  #reading(ready: ReadyPrediction): ReadyPrediction {
    this.#busy++;
    const release = () => {
      this.#busy--;
      ready.release();
    };
    return { ...ready, release };
  }

  #notFound(id: string): NotFoundError {
    return new NotFoundError(`no prediction has the id ${JSON.stringify(id)}`);
  }
}
