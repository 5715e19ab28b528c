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

/** How long a cancelled job may go on before its process is ended: an engine cannot be stopped within an operation. */
const CANCEL_GRACE_MS = 10_000;

/**
 * V8's memory for new objects, in MB. An engine makes few objects and much memory outside of V8's heap that hangs on them: with
 * little room for new objects that memory is freed soon, and V8 need not look through the whole heap for it.
 */
const SEMI_SPACE_MEGABYTES = 2;

/** The predictor cannot start with these settings and files. */
export class PredictorRefusedError extends Error {}

export interface PredictorEvents {
  /** Something went wrong that a person who runs the service should read of. */
  readonly onProblem?: (message: string) => void;
  /** Not wrong, but good to know. */
  readonly onNotice?: (message: string) => void;
}

interface RunningJob {
  readonly network: Deferred<Prediction>;
  readonly statistics: Deferred<PredictedStatistics>;
  readonly onStage: (stage: Stage) => void;
  isMade: boolean;
}

/**
 * The service's side of the predictor's process: starts it, gives it jobs, and starts it again when it dies. It takes
 * jobs as they come; one at a time is for the caller to see to.
 */
export class Predictor implements Executor {
  /** Settles when the first process is loaded and warm, or has refused. */
  readonly started: Promise<PredictorDescription>;
  #options: PredictorOptions;
  readonly #events: PredictorEvents;
  readonly #jobs = new Map<number, RunningJob>();
  readonly #supervisor: Supervisor<FromProcess, ToProcess>;
  #description: PredictorDescription | null = null;
  #ready = false;
  #nextJob = 1;
  /** Resolves for those who wait for the process to be ready. */
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
      // While it multiplies it can give no sign of life, and the job's own time limit counts.
      mayBeSilent: () => this.#ready && [...this.#jobs.values()].some(({ isMade }) => !isMade),
    });
    this.started = this.#settleStart!.promise;
  }

  /**
   * Starts the process; `started` settles with the result.
   *
   * @param checkpoints in place of the options' own, where it was not known before which files they are
   */
  start(checkpoints = this.#options.checkpoints): void {
    this.#options = { ...this.#options, checkpoints };
    this.#supervisor.start();
  }

  /** What was loaded, or null before. */
  get description(): PredictorDescription | null {
    return this.#description;
  }

  /** Whether a job would be taken now. */
  get ready(): boolean {
    return this.#ready;
  }

  get readySoon(): boolean {
    if (this.#ready) return true;
    return !this.#supervisor.isClosed && this.#supervisor.failedStarts <= 1 && !this.#liveness.isSuspect;
  }

  /** How often the process was started again. */
  get restarts(): number {
    return this.#supervisor.replacements;
  }

  /** Bytes that the engine held after its last job. */
  get memory(): number {
    return this.#memory;
  }

  /** The process's id, or null while there is none. */
  get pid(): number | null {
    return this.#supervisor.pid;
  }

  /**
   * Resolves when a job is taken that is not now.
   *
   * @throws the signal's reason once that is aborted; PredictorUnavailableError when it is closed
   */
  async whenReady(signal: AbortSignal): Promise<void> {
    if (this.#supervisor.isClosed) throw new PredictorUnavailableError('the service is shutting down');
    this.#readiness ??= deferred();
    await untilAborted(this.#readiness.promise, signal);
  }

  /**
   * @throws PredictorUnavailableError when there is no process now or it dies on the way; the signal's reason once that
   * is aborted; PredictionFailedError when the job itself fails, PredictorMemoryError where it was for want of memory.
   */
  predict(request: PlannedJob, { signal, onStage = () => {} }: PredictOptions = {}): Promise<Prediction> {
    if (!this.#ready) {
      return Promise.reject(new PredictorUnavailableError('the engine is being started'));
    }
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const job = this.#nextJob++;
    const network = deferred<Prediction>();
    const statistics = deferred<PredictedStatistics>();
    // Whoever has no network has no use for its statistics either.
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
        // It was made before its process heard that nobody wants it: whoever cancelled it was told that there is none.
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

  /** Ends the process; what runs is lost. */
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

  /** A checkpoint may be replaced while the service runs: the next start of the engine loads what is there by then. */
  #reportReplaced({ ghns }: PredictorDescription): void {
    for (const { id, digest } of this.#description?.ghns ?? []) {
      const now = ghns.find((ghn) => ghn.id === id);
      if (!now || now.digest === digest) continue;
      this.#events.onProblem?.(
        `the checkpoint of ${id} was replaced: it was ${digest}, and new predictions are made with ${now.digest}`,
      );
    }
  }

  /** Whether a process that has ended is replaced. */
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
    // A service that never could start is stopped by whoever waits for `started`.
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
