import type {
  FailureCause,
  PlannedJob,
  PredictedNetwork,
  PredictedStatistics,
  PredictorDescription,
  Stage,
} from './protocol.js';

/** The predictor cannot take a job, or lost it: the same request may succeed a little later. */
export class PredictorUnavailableError extends Error {}

/** The job failed by itself: it would fail again. */
export class PredictionFailedError extends Error {}

/** The job found no room in the engine's memory: a smaller one may, and the same one when others leave more of it. */
export class PredictorMemoryError extends PredictorUnavailableError {
  constructor(reason: string) {
    super(`the engine has not enough memory for this network: ${reason}`);
  }
}

/** The error that a job failed with, by what a process says of it. */
export function failureOf(cause: FailureCause, reason: string): Error {
  switch (cause) {
    case 'memory':
      return new PredictorMemoryError(reason);
    case 'ghn':
      return new PredictorUnavailableError(reason);
    case 'job':
      return new PredictionFailedError(reason);
  }
}

export interface PredictOptions {
  readonly signal?: AbortSignal;
  readonly onStage?: (stage: Stage) => void;
}

/** A predicted network; its statistics follow. */
export interface Prediction extends PredictedNetwork {
  /** Rejects with a PredictorUnavailableError where the process dies before it has computed them. */
  readonly statistics: Promise<PredictedStatistics>;
}

/**
 * What makes predictions: the engine's process, or something that stands in for it. It takes jobs as they come; one at a
 * time is for the caller to see to.
 */
export interface Executor {
  /** What is loaded, or null before; it may change when checkpoints were replaced. */
  readonly description: PredictorDescription | null;
  /** Whether a job would be taken now. */
  readonly ready: boolean;
  /**
   * Whether a job will be accepted before long, as far as one can tell: not once a start has failed or gives no sign of
   * life.
   */
  readonly readySoon: boolean;
  /**
   * Resolves when a job is taken that is not now.
   *
   * @throws the signal's reason once that is aborted; PredictorUnavailableError when it is closed
   */
  whenReady(signal: AbortSignal): Promise<void>;
  /**
   * Tells of each stage as it begins. What makes the same job twice on the same machine makes the same bits.
   *
   * @throws PredictorUnavailableError where no job is taken now, this one is lost, or its GHN is not loaded any more; the
   * signal's reason once that is aborted; PredictionFailedError where the job itself fails; PredictorMemoryError
   */
  predict(job: PlannedJob, options?: PredictOptions): Promise<Prediction>;
}
