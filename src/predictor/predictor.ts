import { ArchitectureText, withoutModel } from '../architecture/text.js';
import { type Deferred, deferred } from '../async/deferred.js';
import { untilAborted } from '../async/until-aborted.js';
import { Liveness } from '../process/liveness.js';
import { Supervisor } from '../process/supervisor.js';
import {
  type Executor,
  failureOf,
  type Prediction,
  type PredictOptions,
  PredictorUnavailableError,
} from './executor.js';
import type {
  FromProcess,
  PlannedJob,
  PredictedStatistics,
  PredictorDescription,
  PredictorOptions,
  Stage,
  ToProcess,
} from './protocol.js';

/** Time after which the process of a cancelled job is ended: an engine cannot be stopped during an operation. */
const CANCEL_GRACE_MS = 10_000;

/**
 * Size of V8's space for new objects, in MB. An engine makes few objects, but they hold much memory outside of V8's
 * heap. With a small space that memory is freed early, and V8 need not search the whole heap for it.
 */
const SEMI_SPACE_MEGABYTES = 2;

/** The predictor cannot start with these settings and files. */
export class PredictorRefusedError extends Error {}

export interface PredictorEvents {
  /** Called with problems that the person who runs the service should know. */
  readonly onProblem?: (message: string) => void;
  /** Called with messages that are useful but not problems. */
  readonly onNotice?: (message: string) => void;
}

interface RunningJob {
  readonly network: Deferred<Prediction>;
  readonly statistics: Deferred<PredictedStatistics>;
  readonly onStage: (stage: Stage) => void;
  isMade: boolean;
}

/**
 * Manages the predictor's process: starts it, gives it jobs, and restarts it when it dies. It accepts every job at
 * once; a caller that wants one job at a time has to queue them.
 */
export class Predictor implements Executor {
  /** Settles when the first process has loaded the GHNs and has warmed up, or has refused to start. */
  readonly started: Promise<PredictorDescription>;
  #options: PredictorOptions;
  readonly #events: PredictorEvents;
  readonly #jobs = new Map<number, RunningJob>();
  readonly #supervisor: Supervisor<FromProcess, ToProcess>;
  #description: PredictorDescription | null = null;
  #ready = false;
  #nextJob = 1;
  /** Resolves when the process is ready. */
  #readiness: Deferred<void> | null = null;
  #memory = 0;
  readonly #liveness: Liveness;
  #settleStart: Deferred<PredictorDescription> | null = deferred();

  constructor(options: PredictorOptions, events: PredictorEvents = {}, liveness = new Liveness()) {
    this.#options = options;
    this.#events = events;
    this.#liveness = liveness;
    this.#supervisor = new Supervisor({
      entry: new URL('./process.js', import.meta.url),
      nodeOptions: [`--max-semi-space-size=${SEMI_SPACE_MEGABYTES}`],
      name: "the engine's process",
      onStart: () => void this.#supervisor.send({ type: 'load', options: this.#options }),
      onMessage: (message, arrays) => this.#receive(message, arrays),
      onEnd: (reason) => this.#ended(reason),
      onHang: (message) => this.#events.onProblem?.(message),
      liveness,
      // The process can give no sign of life while it computes a product. The job's own time limit applies then.
      mayBeSilent: () => this.#ready && [...this.#jobs.values()].some(({ isMade }) => !isMade),
    });
    this.started = this.#settleStart!.promise;
  }

  /**
   * Starts the process. `started` settles with the outcome.
   *
   * @param checkpoints replace those of the options, if the files were not known before
   */
  start(checkpoints = this.#options.checkpoints): void {
    this.#options = { ...this.#options, checkpoints };
    this.#supervisor.start();
  }

  /** The loaded engine and GHNs; null before they are loaded. */
  get description(): PredictorDescription | null {
    return this.#description;
  }

  /** True if a job would be accepted now. */
  get ready(): boolean {
    return this.#ready;
  }

  get readySoon(): boolean {
    if (this.#ready) return true;
    return !this.#supervisor.isClosed && this.#supervisor.failedStarts <= 1 && !this.#liveness.isSuspect;
  }

  /** Number of times that the process was restarted. */
  get restarts(): number {
    return this.#supervisor.replacements;
  }

  /** Bytes that the engine held after its last job. */
  get memory(): number {
    return this.#memory;
  }

  /** The process's id; null while there is no process. */
  get pid(): number | null {
    return this.#supervisor.pid;
  }

  /**
   * Resolves when jobs are accepted again.
   *
   * @throws the signal's reason once it is aborted; PredictorUnavailableError when the predictor is closed
   */
  async whenReady(signal: AbortSignal): Promise<void> {
    if (this.#supervisor.isClosed) throw new PredictorUnavailableError('the service is shutting down');
    this.#readiness ??= deferred();
    await untilAborted(this.#readiness.promise, signal);
  }

  /**
   * @throws PredictorUnavailableError if there is no process now, or it dies during the job; the signal's reason once
   * it is aborted; PredictionFailedError if the job itself fails; PredictorMemoryError if it fails for lack of memory
   */
  predict(request: PlannedJob, { signal, onStage = () => {} }: PredictOptions = {}): Promise<Prediction> {
    if (!this.#ready) {
      return Promise.reject(new PredictorUnavailableError('the engine is being started'));
    }
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const job = this.#nextJob++;
    const network = deferred<Prediction>();
    const statistics = deferred<PredictedStatistics>();
    // A caller that has no network does not need its statistics either.
    statistics.promise.catch(() => {});
    this.#jobs.set(job, { network, statistics, onStage, isMade: false });
    const { promise } = network;
    this.#send(job, request);
    if (!signal) return promise;

    let grace: NodeJS.Timeout | undefined;
    const cancel = () => {
      void this.#supervisor.send({ type: 'cancel', job });
      grace = setTimeout(() => this.#supervisor.endBecause('did not stop'), CANCEL_GRACE_MS);
    };
    signal.addEventListener('abort', cancel, { once: true });
    return promise
      .then((prediction) => {
        // The prediction was finished before the process received the cancellation, but the caller was told that it is
        // cancelled.
        signal.throwIfAborted();
        return prediction;
      })
      .catch((error: Error) => {
        throw signal.aborted ? signal.reason : error;
      })
      .finally(() => {
        clearTimeout(grace);
        signal.removeEventListener('abort', cancel);
      });
  }

  /** Ends the process. Running jobs are lost. */
  async close(): Promise<void> {
    this.#readiness?.reject(new PredictorUnavailableError('the service is shutting down'));
    await this.#supervisor.close();
  }

  #receive(message: FromProcess, arrays: Float32Array[]): void {
    switch (message.type) {
      case 'alive':
        return;
      case 'ready':
        this.#supervisor.started();
        this.#ready = true;
        this.#readiness?.resolve();
        this.#readiness = null;
        this.#reportReplaced(message.description);
        this.#description = message.description;
        this.#settleStart?.resolve(message.description);
        this.#settleStart = null;
        return;
      case 'notice':
        this.#events.onNotice?.(message.message);
        return;
      case 'refused':
        this.#settleStart?.reject(new PredictorRefusedError(message.reason));
        this.#events.onProblem?.(`the engine cannot be started: ${message.reason}`);
        return;
      case 'stage':
        this.#jobs.get(message.job)?.onStage(message.stage);
        return;
      case 'predicted': {
        this.#memory = message.memory;
        const { network } = message;
        const tensors = network.tensors.map((header, index) => ({ ...header, block: arrays[index] }));
        const job = this.#jobs.get(message.job);
        if (job) job.isMade = true;
        job?.network.resolve({ ...network, tensors, statistics: job.statistics.promise });
        return;
      }
      case 'statistics':
        this.#jobs.get(message.job)?.statistics.resolve(message.statistics);
        this.#jobs.delete(message.job);
        return;
      case 'failed': {
        const error = failureOf(message.cause, message.reason);
        const job = this.#jobs.get(message.job);
        job?.network.reject(error);
        job?.statistics.reject(error);
        this.#jobs.delete(message.job);
      }
    }
  }

  /** A checkpoint may be replaced while the service runs. Then the next start of the engine loads the new file. */
  #reportReplaced({ ghns }: PredictorDescription): void {
    for (const { id, digest } of this.#description?.ghns ?? []) {
      const now = ghns.find((ghn) => ghn.id === id);
      if (!now || now.digest === digest) continue;
      this.#events.onProblem?.(
        `the checkpoint of ${id} was replaced: it was ${digest}, and new predictions are made with ${now.digest}`,
      );
    }
  }

  /** Fails all jobs of a process that has ended. Returns true if the process should be replaced. */
  #ended(reason: string): boolean {
    this.#ready = false;
    for (const { network, statistics } of this.#jobs.values()) {
      const error = new PredictorUnavailableError(reason);
      network.reject(error);
      statistics.reject(error);
    }
    this.#jobs.clear();
    if (this.#supervisor.isClosed) return false;
    this.#events.onProblem?.(reason);
    // If the first start fails, whoever waits for `started` stops the service.
    this.#settleStart?.reject(new PredictorRefusedError(reason));
    const isFirst = this.#settleStart !== null;
    this.#settleStart = null;
    return !isFirst && this.#description !== null;
  }

  #send(job: number, { architecture, ...request }: PlannedJob): void {
    if (architecture instanceof ArchitectureText) {
      void this.#supervisor.send({ type: 'predict', job, request }, [], [architecture.form.bytes]);
    } else {
      const whole = { ...request, architecture: withoutModel(architecture) };
      void this.#supervisor.send({ type: 'predict', job, request: whole });
    }
  }
}
