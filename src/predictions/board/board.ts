import type { KeptArchitecture } from '../../architecture/text.js';
import type { Prediction } from '../../predictor/executor.js';
import type { Stage } from '../../predictor/protocol.js';
import type { PredictionRecord } from '../../record/record.js';
import type { TiledTensor } from '../../tensor/tensor.js';
import type { Plan } from '../plan.js';

/** A change of a job: of its record, or to the next stage of its computation. */
export type JobEvent = ({ readonly record: PredictionRecord } | { readonly stage: Stage }) & {
  /** The event's place among those of the board. A client that has it can ask for later events. */
  readonly at?: string;
};

/** A network that was just made. Its statistics follow later. */
export type Made = Pick<Prediction, 'tensors' | 'statistics' | 'latency'>;

/** A network that was made and is still in memory. */
export interface MadeNetwork {
  readonly record: PredictionRecord;
  readonly tensors: readonly TiledTensor[];
  /** Settles when the network is stored, or cannot be. */
  readonly settled: Promise<void>;
  /** Counts its memory until the returned function is called; call that once. */
  hold(): () => void;
}

/** A prediction that was accepted, or that is under way already. */
export interface Submitted {
  readonly record: PredictionRecord;
  /** True if this is the first request for it. */
  readonly isNew: boolean;
  /**
   * Waits until the network is made. Null means that the store has the prediction. Rejects with the error of the
   * computation, or with the reason of the waiting client's signal.
   */
  made(): Promise<MadeNetwork | null>;
}

/**
 * A worker does not look into the store again if the request looked less than this time ago. If another service
 * stored the prediction since then, its commit stays, since the first one wins.
 */
export const LOOKED_MS = 1000;

/** The origin of a job. */
export interface JobOrigin {
  /** The span of the request that began it, if that is traced. */
  readonly traceparent?: string;
  /** When it began to wait, in milliseconds since 1970. */
  readonly since: number;
}

/** A job as its worker sees it. */
export interface WorkedJob {
  readonly plan: Plan;
  /** The current record. */
  readonly record: PredictionRecord;
  readonly origin: JobOrigin;
  /** True if it may have been stored since the request looked for it. */
  readonly mayBeStored: boolean;
  /** Checks whether the job was cancelled. If so, its signal is aborted before this resolves. */
  confirm(): Promise<void>;
  update(fields: Partial<PredictionRecord>): void;
  /** Reports that a stage of the computation begins. */
  begin(stage: Stage): void;
}

/** Computes and stores the predictions of jobs. */
export interface JobHandler {
  /**
   * Computes a network until the signal is aborted. A board calls it for one job at a time. Returns null if the store
   * has the prediction already.
   */
  make(job: WorkedJob, signal: AbortSignal): Promise<Made | null>;
  /** Stores a network, unless the signal is aborted before it is committed. */
  keep(job: WorkedJob, made: Made, signal?: AbortSignal): Promise<void>;
}

/** A subscription to the events of a job. */
export interface Watch {
  /** The record when watching began. */
  readonly record: PredictionRecord;
  unwatch(): void;
}

/**
 * Holds predictions from the request until they are stored, and those that failed. Each is computed once, however
 * many clients ask for it. A store has all others.
 */
export interface JobBoard {
  /**
   * Accepts a prediction, or joins it if it is under way already.
   *
   * @param waiter signal of a client that waits: when all waiting clients have gone, the prediction is cancelled.
   * Without it, the prediction is computed in any case
   * @param client the client that asks, by a key or an address; clients take turns. Without it, the service itself
   * asks
   * @throws InvalidRequestError, OverloadedError, PredictorUnavailableError if the prediction is not accepted; then
   * nothing has changed
   */
  submit(plan: Plan, waiter?: AbortSignal, client?: string): Promise<Submitted>;
  /** Record of a prediction that is under way or failed; null for others. */
  view(id: string): Promise<PredictionRecord | null>;
  views(): Promise<readonly PredictionRecord[]>;
  /** Architecture of a prediction that is under way; null for others. */
  request(id: string): Promise<KeptArchitecture | null>;
  /** A network that was made in this process and is not stored yet. */
  made(id: string): Promise<MadeNetwork | null>;
  /** Calls `watcher` on every change of a prediction that is under way; null if it is not. */
  watch(id: string, watcher: (event: JobEvent) => void): Promise<Watch | null>;
  /**
   * The events of a prediction that is under way, after the event at the place `after`; null if that place is unknown
   * or too long ago.
   */
  missed(id: string, after: string): Promise<readonly JobEvent[] | null>;
  /** Cancels a prediction that is not computed yet. Returns true if it was under way. */
  cancel(id: string): Promise<boolean>;
  /** Forgets a failed prediction. Returns true if it was known. */
  forget(id: string): Promise<boolean>;
  /** Waits until a prediction is stored or has failed. Returns true if it was under way. */
  settled(id: string): Promise<boolean>;
  /** The number of predictions that wait. */
  depth(): Promise<number>;
  /** Estimated seconds until all accepted predictions are computed. */
  secondsUntilIdle(): Promise<number>;
  /** The number of workers. */
  readonly workers: number;
  /** From now on, jobs are done in this process, by `handler`. */
  work(handler: JobHandler): void;
  /** The service is stopping. From now on it waits no longer for servers that do not answer. */
  leave?(): void;
  /** Waits until all jobs of this process are computed and stored. */
  settle(): Promise<void>;
  close(): Promise<void>;
}
