import type { ChildProcess } from 'node:child_process';
import { type Deferred, deferred } from '../deferred.js';
import type { Channel } from '../process/channel.js';
import { endChild, startChild } from '../process/child.js';
import { untilAborted } from '../until-aborted.js';
import {
  type Executor,
  failureOf,
  type Prediction,
  type PredictOptions,
  PredictorUnavailableError,
} from './executor.js';
import { Liveness } from './liveness.js';
import {
  ALIVE_INTERVAL_MS,
  type FromProcess,
  type PredictedStatistics,
  type PredictionJob,
  type PredictorDescription,
  type PredictorOptions,
  type Stage,
  type ToProcess,
} from './protocol.js';

/** The first restart is at once, each further one without a success between waits twice as long. */
const FIRST_RESTART_DELAY_MS = 250;
const MAX_RESTART_DELAY_MS = 30_000;

/** How long a cancelled job may go on before its process is ended: an engine cannot be stopped within an operation. */
const CANCEL_GRACE_MS = 10_000;

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
 * The service's side of the predictor's process: starts it, gives it jobs, and starts it anew when it dies. It takes
 * jobs as they come; one at a time is for the caller to see to.
 */
export class Predictor implements Executor {
  /** Settles when the first process is loaded and warm, or has refused. */
  readonly started: Promise<PredictorDescription>;
  #options: PredictorOptions;
  readonly #events: PredictorEvents;
  readonly #jobs = new Map<number, RunningJob>();
  #process: ChildProcess | null = null;
  #channel: Channel<FromProcess, ToProcess> | null = null;
  #description: PredictorDescription | null = null;
  #ready = false;
  #closed = false;
  #nextJob = 1;
  #restarts = 0;
  #failedStarts = 0;
  #restartTimer: NodeJS.Timeout | null = null;
  /** Resolves for those who wait for the process to be ready. */
  #readiness: Deferred<void> | null = null;
  #memory = 0;
  readonly #liveness: Liveness;
  #watch: NodeJS.Timeout | null = null;
  #settleStart: Deferred<PredictorDescription> | null = deferred();

  constructor(options: PredictorOptions, events: PredictorEvents = {}, liveness = new Liveness()) {
    this.#options = options;
    this.#events = events;
    this.#liveness = liveness;
    this.started = this.#settleStart!.promise;
  }

  /**
   * Starts the process; `started` tells what comes of it.
   *
   * @param checkpoints in place of the options' own, where it was not known before which files they are
   */
  start(checkpoints = this.#options.checkpoints): void {
    this.#options = { ...this.#options, checkpoints };
    this.#start();
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
    return !this.#closed && this.#failedStarts <= 1 && !this.#liveness.isSuspect;
  }

  /** How often the process was started anew. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Bytes that the engine held after its last job. */
  get memory(): number {
    return this.#memory;
  }

  /** The process's id, or null while there is none. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /**
   * Resolves when a job is taken that is not now.
   *
   * @throws the signal's reason once that is aborted; PredictorUnavailableError when it is closed
   */
  async whenReady(signal: AbortSignal): Promise<void> {
    if (this.#closed) throw new PredictorUnavailableError('the service is shutting down');
    this.#readiness ??= deferred();
    await untilAborted(this.#readiness.promise, signal);
  }

  /**
   * @throws PredictorUnavailableError when there is no process now or it dies on the way; the signal's reason once that
   * is aborted; PredictionFailedError when the job itself fails, PredictorMemoryError where it was for want of memory.
   */
  predict(request: PredictionJob, { signal, onStage = () => {} }: PredictOptions = {}): Promise<Prediction> {
    const channel = this.#channel;
    if (!channel || !this.#ready) {
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
    void channel.send({ type: 'predict', job, request });
    if (!signal) return promise;

    let grace: NodeJS.Timeout | undefined;
    const cancel = () => {
      void channel.send({ type: 'cancel', job });
      grace = setTimeout(() => this.#end('did not stop'), CANCEL_GRACE_MS);
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
    this.#closed = true;
    this.#readiness?.reject(new PredictorUnavailableError('the service is shutting down'));
    if (this.#restartTimer) clearTimeout(this.#restartTimer);
    if (this.#watch) clearInterval(this.#watch);
    const process = this.#process;
    if (!process) return;
    await endChild(process);
  }

  #start(): void {
    const { process, channel } = startChild<FromProcess, ToProcess>(
      new URL('./process.js', import.meta.url),
      (message, arrays) => this.#receive(message, arrays),
      (reason) => {
        if (this.#process === process) this.#ended(`the engine's process ${reason}`);
      },
    );
    this.#process = process;
    this.#channel = channel;
    this.#liveness.starts();
    this.#watch ??= setInterval(() => this.#check(), ALIVE_INTERVAL_MS).unref();
    void channel.send({ type: 'load', options: this.#options });
  }

  /** Ends a process that gives no sign of life. While it multiplies it cannot, and the job's own time limit counts. */
  #check(): void {
    if (!this.#process || (this.#ready && [...this.#jobs.values()].some(({ isMade }) => !isMade))) return;
    const reason = this.#liveness.tick();
    if (reason) this.#end(reason);
  }

  /** Ends the process, and goes on without it where even that does not come to pass: it may wait within the kernel. */
  #end(reason: string): void {
    const process = this.#process;
    if (!process) return;
    this.#events.onProblem?.(`the engine's process ${reason}: it is ended`);
    void endChild(process).then(() => {
      if (this.#process === process) this.#ended("the engine's process cannot be ended, and is left behind");
    });
  }

  #receive(message: FromProcess, arrays: Float32Array[]): void {
    this.#liveness.heard();
    switch (message.type) {
      case 'alive':
        return;
      case 'ready':
        this.#liveness.started();
        this.#ready = true;
        this.#readiness?.resolve();
        this.#readiness = null;
        this.#failedStarts = 0;
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

  #ended(reason: string): void {
    if (!this.#process) return;
    this.#process = null;
    this.#channel?.close();
    this.#channel = null;
    this.#ready = false;
    for (const { network, statistics } of this.#jobs.values()) {
      const error = new PredictorUnavailableError(reason);
      network.reject(error);
      statistics.reject(error);
    }
    this.#jobs.clear();
    if (this.#closed) return;
    this.#events.onProblem?.(reason);
    // A service that never could start is stopped by whoever waits for `started`.
    if (this.#settleStart) {
      this.#settleStart.reject(new PredictorRefusedError(reason));
      this.#settleStart = null;
      return;
    }
    if (!this.#description) return;
    const delay = this.#failedStarts === 0 ? 0 : FIRST_RESTART_DELAY_MS * 2 ** (this.#failedStarts - 1);
    this.#failedStarts++;
    this.#restarts++;
    this.#restartTimer = setTimeout(() => this.#start(), Math.min(delay, MAX_RESTART_DELAY_MS));
  }
}
