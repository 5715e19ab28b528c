import type {
  FailureCause,
  PlannedJob,
  PredictedNetwork,
  PredictedStatistics,
  PredictorDescription,
  Stage,
} from './protocol.js';

/** The predictor cannot take a job now, or has lost it. The same request may succeed a little later. */
export class PredictorUnavailableError extends Error {}

/** The job itself failed, and would fail again. */
export class PredictionFailedError extends Error {}

/** The engine ran out of memory for the job. A smaller job may succeed, or the same one when others use less memory. */
export class PredictorMemoryError extends PredictorUnavailableError {
  constructor(reason: string) {
    super(`the engine does not have enough memory for this network: ${reason}`);
  }
}

/** Returns the error for a failed job, by the cause that the predictor's process reports. */
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

/** A predicted network. Its statistics arrive later. */
export interface Prediction extends PredictedNetwork {
  /** Rejects with a PredictorUnavailableError if the process ends before it has computed them. */
  readonly statistics: Promise<PredictedStatistics>;
}

/**
 * Makes predictions: the engine's process, or something in its place. It accepts every job at once; a caller that wants
 * one job at a time has to queue them.
 */
export interface Executor {
  /** The loaded engine and GHNs; null before they are loaded. It changes if checkpoints were replaced. */
  readonly description: PredictorDescription | null;
  /** True if a job would be accepted now. */
  readonly ready: boolean;
  /** True if a job will probably be accepted soon; false once a start has failed or shows no sign of life. */
  readonly readySoon: boolean;
  /**
   * Resolves when jobs are accepted again.
   *
   * @throws the signal's reason once it is aborted; PredictorUnavailableError when the executor is closed
   */
  whenReady(signal: AbortSignal): Promise<void>;
  /**
   * Makes a prediction, and reports each stage when it begins. The same job on the same machine gives the same bits.
   *
   * @throws PredictorUnavailableError if no job is accepted now, this job is lost, or its GHN is no longer loaded; the
   * signal's reason once it is aborted; PredictionFailedError if the job itself fails; PredictorMemoryError
   */
  predict(job: PlannedJob, options?: PredictOptions): Promise<Prediction>;
}
