import type { Limits } from '../architecture/limits.js';
import type { Graph } from '../architecture/schema.js';
import type { KeptArchitecture } from '../architecture/text.js';
import { untilAborted } from '../async/until-aborted.js';
import type { JsonText } from '../json-text.js';
import { type Executor, PredictorUnavailableError } from '../predictor/executor.js';
import type { PredictionRecord } from '../record/record.js';
import type { StatisticsLanes } from '../statistics/lanes.js';
import type { ListOptions, RecordPage } from '../store/list.js';
import type { PredictionStore } from '../store/store.js';
import { type Tracer, traced } from '../tracing/tracer.js';
import type { JobBoard, JobEvent, JobHandler, MadeNetwork, Watch } from './board/board.js';
import { SMALL_BODY_BYTES } from './digests.js';
import { NotFoundError, NotReadyError } from './errors.js';
import { TracedHandler } from './job-trace.js';
import { mergePages } from './listing.js';
import type { PredictionObserver } from './observer.js';
import type { Plan } from './plan.js';
import { PlannedRequest, planRequest } from './plan-request.js';
import { type Planner, planHere } from './planning/planner.js';
import type { ReadyPrediction } from './ready-prediction.js';
import { Recovery } from './recovery.js';
import type { PredictRequest } from './request.js';
import { SharedStatistics } from './shared-statistics.js';
import { StoredRecords } from './stored-records.js';
import { Worker } from './worker.js';

export interface PredictionsOptions {
  readonly executor: Executor;
  /** True if this service also computes predictions. */
  readonly works: boolean;
  readonly store: PredictionStore;
  readonly board: JobBoard;
  readonly statistics: StatisticsLanes;
  /** Limits for the size of an architecture. */
  readonly limits: Limits;
  /** Time limit for a stage of a prediction. */
  readonly timeoutMilliseconds: number;
  readonly observer: PredictionObserver;
  readonly tracer?: Tracer | null;
  /** Plans large architectures again when their predictions are remade; by default in this process. */
  readonly planner?: Planner;
}

/** Serves all predictions: stored ones, those under way, and failed ones. */
export class Predictions {
  readonly planner: Planner;
  readonly #options: PredictionsOptions;
  readonly #recovery: Recovery;
  readonly #stored: StoredRecords;
  readonly #worker: Worker;
  readonly #statistics: SharedStatistics;
  /** The number of requests that read weights or wait for them. */
  #busy = 0;

  constructor(options: PredictionsOptions) {
    this.#options = options;
    const { board } = options;
    this.#statistics = new SharedStatistics(options.statistics);
    this.planner = options.planner ?? planHere;
    this.#recovery = new Recovery({ ...options, planner: this.planner });
    const worker = new Worker(options);
    this.#worker = worker;
    this.#stored = new StoredRecords({
      ...options,
      recovery: this.#recovery,
      isIdle: () => this.#busy === 0 && !worker.isBusy,
    });
    if (!options.works) return;
    const handler: JobHandler = {
      make: (job, signal) => worker.make(job, signal),
      keep: async (job, made, signal) => {
        await worker.keep(job, made, signal);
        if (job.record.digest === null) this.#stored.added(job.record.id);
      },
    };
    board.work(options.tracer ? new TracedHandler(options.tracer, handler) : handler);
  }

  /** Limits for the size of an architecture. */
  get limits(): Limits {
    return this.#options.limits;
  }

  /**
   * Returns the requested prediction, from the store or computed now.
   *
   * @param signal the client's signal: when all clients that wait for a prediction have gone, it is cancelled
   * @param client the client that asks, by a key or an address
   * @throws NotFoundError, InvalidRequestError, OverloadedError, PredictorUnavailableError, the signal's reason
   */
  async predict(
    request: PredictRequest | PlannedRequest,
    signal: AbortSignal,
    client?: string,
  ): Promise<ReadyPrediction> {
    const planned = this.#plan(request);
    const { id } = planned.record;
    this.#busy++;
    try {
      const stored = await traced('store lookup', () => this.#findInTime(id, signal));
      if (stored) {
        this.#options.observer.shared(stored.record, 'stored');
        return stored;
      }
      for (let time = 0; ; time++) {
        const ready = await traced('await prediction', async () => {
          const submitted = await this.#options.board.submit(planned, signal, client);
          return this.#readyMade(id, await submitted.made());
        });
        if (ready) return ready;
        // It was deleted just now. This client still asks for it, so it is computed once more.
        if (time > 0) throw notFound(id);
      }
    } finally {
      this.#busy--;
    }
  }

  /** Starts or finds the prediction without waiting for it. The returned record has its status. */
  async begin(request: PredictRequest | PlannedRequest, client?: string): Promise<PredictionRecord> {
    const planned = this.#plan(request);
    const stored = await this.#options.store.record(planned.record.id);
    if (stored) {
      this.#options.observer.shared(stored, 'stored');
      return stored;
    }
    return (await this.#options.board.submit(planned, undefined, client)).record;
  }

  /**
   * Waits until a prediction that was just computed is stored, or cannot be, and returns its record.
   *
   * @throws NotFoundError if it was deleted in the meantime
   */
  async finished(id: string): Promise<PredictionRecord> {
    const { board, store } = this.#options;
    await board.settled(id);
    const record = (await store.record(id)) ?? (await board.view(id));
    if (!record) throw notFound(id);
    return record;
  }

  /** @throws NotFoundError */
  async record(id: string): Promise<PredictionRecord> {
    const stored = await this.#stored.get(id);
    if (stored) return stored;
    const live = await this.progress(id);
    if (live && !(isOver(live) && (await this.#recovery.isLost(id)))) return live;
    // It may have been stored between the two look-ups.
    const record = (await this.#recovery.begin(id))?.record ?? (await this.#stored.get(id));
    if (!record) throw notFound(id);
    return record;
  }

  /** The record of a prediction that is under way or failed; null if it is stored, or unknown. */
  progress(id: string): Promise<PredictionRecord | null> {
    return this.#options.board.view(id);
  }

  /** @throws NotFoundError; NotReadyError if it failed, since then only its record is kept */
  async architecture(id: string): Promise<Graph | JsonText> {
    const { store } = this.#options;
    const graph =
      (await this.#asked(id))?.architecture ??
      (await store.architecture(id)) ??
      (await store.remains(id))?.architecture;
    if (graph) return graph;
    const ended = await this.progress(id);
    if (ended) throw new NotReadyError(ended);
    if (await store.record(id)) {
      throw new NotFoundError(
        'the graph of the prediction was found corrupt in the store, but its weights are intact: delete it and request it again',
      );
    }
    throw notFound(id);
  }

  /** The Keras model of a request, which may be a JsonText; null if the architecture was given in another form. */
  async kerasModel(id: string): Promise<unknown> {
    const { store } = this.#options;
    const asked = await this.#asked(id);
    if (asked) return asked.kerasModel ?? null;
    return (await store.kerasModel(id)) ?? (await store.remains(id))?.kerasModel ?? null;
  }

  /** @throws NotFoundError, NotReadyError */
  async open(id: string): Promise<ReadyPrediction> {
    const made = await this.#options.board.made(id);
    if (made) return this.#reading({ ...this.#recovery.openMade(made), record: made.record, cached: false });
    const ready = (await this.#openStored(id)) ?? (await this.#openRemade(id));
    if (!ready) throw notFound(id);
    return ready;
  }

  /**
   * Statistics of each tensor and of the network, as JSON.
   *
   * @param signal the client's signal: when all clients that wait for the statistics have gone, it is aborted
   * @throws NotFoundError, NotReadyError, StatisticsUnavailableError, the signal's reason
   */
  async statistics(id: string, signal: AbortSignal): Promise<Buffer> {
    return this.#statistics.of(await this.open(id), signal);
  }

  /** @throws BadCursorError */
  async list(options: ListOptions): Promise<RecordPage> {
    const { board, store } = this.#options;
    return mergePages(await board.views(), await store.list(options), options);
  }

  /**
   * Cancels a prediction that is queued or running, or deletes a stored one. Downloads under way are finished.
   *
   * @throws NotFoundError
   */
  async delete(id: string): Promise<void> {
    const { board, store } = this.#options;
    const wasCancelled = await board.cancel(id);
    const wasMade = !wasCancelled && (await board.settled(id));
    // If it was being made again, the remains of the corrupt one are deleted as well.
    const wasStored = await store.delete(id);
    if (wasCancelled) return;
    if (!(await board.forget(id)) && !wasStored && !wasMade) throw notFound(id);
  }

  /**
   * Calls `watcher` on every change of a prediction that is under way, until the watch is ended. Null if the
   * prediction is not under way.
   */
  watch(id: string, watcher: (event: JobEvent) => void): Promise<Watch | null> {
    return this.#options.board.watch(id, watcher);
  }

  /** The events of a prediction that is under way, after the event with the id `after`; null if they are not known. */
  missed(id: string, after: string): Promise<readonly JobEvent[] | null> {
    return this.#options.board.missed(id, after);
  }

  /** Adds to the record how long it took to write the first answer. */
  noteSerialized(record: PredictionRecord, milliseconds: number): void {
    if (this.#worker.noteSerialized(record, milliseconds)) return;
    // Changing a record in a shared store takes longer than writing a small answer did.
    const isSmall = record.bytes !== null && record.bytes <= SMALL_BODY_BYTES;
    if (this.#options.store.promises && isSmall) return;
    this.#stored.noteSerialized(record, milliseconds);
  }

  /** Waits until all predictions under way are made and stored. */
  async settle(): Promise<void> {
    await this.#options.board.settle();
    await this.#stored.settle();
  }

  #plan(request: PredictRequest | PlannedRequest): Plan {
    if (request instanceof PlannedRequest) return request.plan;
    const { executor, limits } = this.#options;
    const { description } = executor;
    if (!description) throw new PredictorUnavailableError('the GHNs are being loaded');
    return planRequest(request, limits, description);
  }

  /** The requested architecture of a prediction that is under way. */
  #asked(id: string): Promise<KeptArchitecture | null> {
    return this.#options.board.request(id);
  }

  /** Finds the stored prediction. Rejects if the client gives up before the store has answered. */
  async #findInTime(id: string, signal: AbortSignal): Promise<ReadyPrediction | null> {
    const found = this.#openStored(id);
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

  /** @param made null if the prediction turned out to be stored before it was computed here */
  async #readyMade(id: string, made: MadeNetwork | null): Promise<ReadyPrediction | null> {
    if (!made) return this.#openStored(id);
    return this.#reading({ ...this.#recovery.openMade(made), record: made.record, cached: false });
  }

  async #openStored(id: string): Promise<ReadyPrediction | null> {
    const stored = await this.#recovery.open(id);
    return stored && this.#reading({ ...stored, cached: true });
  }

  /**
   * Makes a prediction again that the store has lost.
   *
   * @throws NotReadyError if it was never stored
   */
  async #openRemade(id: string): Promise<ReadyPrediction | null> {
    const live = await this.progress(id);
    if (live && !(await this.#recovery.isLost(id))) throw new NotReadyError(live);
    const submitted = await this.#recovery.begin(id);
    // It may have been stored between the two look-ups.
    return submitted ? this.#readyMade(id, await submitted.made()) : this.#openStored(id);
  }

  #reading(ready: ReadyPrediction): ReadyPrediction {
    this.#busy++;
    const release = () => {
      this.#busy--;
      ready.release();
    };
    return { ...ready, release };
  }
}

const notFound = (id: string) => new NotFoundError(`no prediction has the id ${JSON.stringify(id)}`);

/** Returns true if a prediction is computed, or has failed. */
const isOver = ({ status }: PredictionRecord) => status !== 'queued' && status !== 'running';
