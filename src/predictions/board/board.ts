import type { KeptArchitecture } from '../../architecture/text.js';
import type { Prediction } from '../../predictor/executor.js';
import type { Stage } from '../../predictor/protocol.js';
import type { PredictionRecord } from '../../record/record.js';
import type { TiledTensor } from '../../tensor/tensor.js';
import type { Plan } from '../plan.js';

/** What happens to a job: its record changes, or a stage of its making begins. */
export type JobEvent = ({ readonly record: PredictionRecord } | { readonly stage: Stage }) & {
  /** Its place among the events of the board: whoever has heard it can ask for those that follow. */
  readonly at?: string;
};

/** A network that was made; its statistics follow. */
export type Made = Pick<Prediction, 'tensors' | 'statistics' | 'latency'>;

/** A network that was made and is still in memory. */
export interface MadeNetwork {
  readonly record: PredictionRecord;
  readonly tensors: readonly TiledTensor[];
  /** Settles when it is stored, or cannot be. */
  readonly settled: Promise<void>;
  /** Keeps its room until the function that it returns is called, once. */
  hold(): () => void;
}

/** A prediction that was accepted, or that is being made already. */
export interface Submitted {
  readonly record: PredictionRecord;
  /** Whether this is the first request for it. */
  readonly isNew: boolean;
  /**
   * Waits until it is made. Null means that the store has it. Rejects with the error of making it, or with the reason
   * of the waiter's signal.
   */
  made(): Promise<MadeNetwork | null>;
}

/**
 * For this long after a request the worker trusts its look into the store and does not look again. A prediction that was stored
 * meanwhile stays: the first commit wins.
 */
export const LOOKED_MS = 1000;

/** Where a job comes from. */
export interface JobOrigin {
  /** The span of the request that began it, if that is traced. */
  readonly traceparent?: string;
  /** Since when it waits, in milliseconds since 1970. */
  readonly since: number;
}

/** A job as the one who works on it sees it. */
export interface WorkedJob {
  readonly plan: Plan;
  /** The record as it is now. */
  readonly record: PredictionRecord;
  readonly origin: JobOrigin;
  /** Whether it may have been stored since the request looked for it. */
  readonly mayBeStored: boolean;
  /** Settles when it is known whether it was given up up to now: then the signal of its making is aborted. */
  confirm(): Promise<void>;
  update(fields: Partial<PredictionRecord>): void;
  /** A stage of its making begins. */
  begin(stage: Stage): void;
}

/** Does the work on jobs. */
export interface JobHandler {
  /**
   * Makes a network, and heeds the signal; a board calls it for one job at a time. Null where the store has it already.
   */
  make(job: WorkedJob, signal: AbortSignal): Promise<Made | null>;
  /** Stores what was made, unless it is given up before it is there. */
  keep(job: WorkedJob, made: Made, signal?: AbortSignal): Promise<void>;
}

/** A subscription to the events of a job. */
export interface Watch {
  /** The record as it was when watching began. */
  readonly record: PredictionRecord;
  unwatch(): void;
}

/**
 * Predictions from when they are asked for until they are stored, and those that failed: each is made once,
 * whoever asks for it. A store has all others.
 */
export interface JobBoard {
  /**
   * Accepts a prediction, or joins it where it is being made already.
   *
   * @param waiter of one who waits: when the last of those has gone, it is cancelled. Without it, it is made in any
   * case
   * @param client who asks, by a key or an address; clients take turns. Without it, the service itself
   * @throws InvalidRequestError, OverloadedError, PredictorUnavailableError if it is not accepted; then nothing has
   * changed
   */
  submit(plan: Plan, waiter?: AbortSignal, client?: string): Promise<Submitted>;
  /** Record of a prediction that is being made, or that failed; null for others. */
  view(id: string): Promise<PredictionRecord | null>;
  views(): Promise<readonly PredictionRecord[]>;
  /** Architecture of a prediction that is being made; null for others. */
  request(id: string): Promise<KeptArchitecture | null>;
  /** A network that was made here and is not stored yet. */
  made(id: string): Promise<MadeNetwork | null>;
  /** Calls back on every change of a prediction that is being made; null where there will be none. */
  watch(id: string, watcher: (event: JobEvent) => void): Promise<Watch | null>;
  /**
   * The events of a prediction that is being made which follow the one at that place; null where that is not to be known:
   * the place is none, or of long ago.
   */
  missed(id: string, after: string): Promise<readonly JobEvent[] | null>;
  /** Cancels a prediction that is not made yet. Tells whether it was being made. */
  cancel(id: string): Promise<boolean>;
  /** Forgets a failed prediction. Tells whether there was one. */
  forget(id: string): Promise<boolean>;
  /** Waits until a prediction is stored or has failed. Tells whether it was being made. */
  settled(id: string): Promise<boolean>;
  /** How many wait to be made. */
  depth(): Promise<number>;
  /** How many seconds it takes, as far as can be said, until all accepted predictions are made. */
  secondsUntilIdle(): Promise<number>;
  /** How many make predictions. */
  readonly workers: number;
  /** Has the work done here from now on. */
  work(handler: JobHandler): void;
  /** Waits until all that is worked on here is made and stored. */
  settle(): Promise<void>;
  close(): Promise<void>;
}
