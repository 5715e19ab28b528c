import { PredictionFailedError, PredictorUnavailableError } from '../predictor/executor.js';
import type { Failure, FailureCode } from '../record/failure.js';
import { CancelledError, NotStoredError } from './errors.js';

/** The failure that a record names for an error. */
export function failureOf(error: Error): Failure {
  const code = codeOf(error);
  const message =
    code === 'internal'
      ? 'the service failed; its log says more under the id of this prediction'
      : error.message;
  return { code, message };
}

function codeOf(error: Error): FailureCode {
  if (error instanceof CancelledError) return 'cancelled';
  if (error instanceof PredictorUnavailableError) return 'engine_unavailable';
  if (error instanceof NotStoredError) return 'not_stored';
  if (error instanceof PredictionFailedError) return 'prediction_failed';
  return 'internal';
}
