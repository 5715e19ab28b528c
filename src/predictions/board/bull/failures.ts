import { PredictionFailedError, PredictorUnavailableError } from '../../../predictor/executor.js';
import { type Failure, failureSchema } from '../../../record/failure.js';
import { CancelledError, NotStoredError } from '../../errors.js';
import { failureOf } from '../../failure.js';

/** The text by which a job carries an error: the failure that the record will have. */
export const writeFailure = (error: Error): string => JSON.stringify(failureOf(error));

export const LEASE_LOST = 'the lease was lost';

/**
 * Matches BullMQ's message for a job whose workers died repeatedly, and our own for workers that were blocked too
 * long.
 */
const STALLED = /stalled|the lease was lost/;

/** The error of a failed job. */
export function readFailure(reason: string | undefined): Failure {
  try {
    return failureSchema.parse(JSON.parse(reason ?? ''));
  } catch {
    return STALLED.test(reason ?? '')
      ? {
          code: 'engine_unavailable',
          message: 'the workers that computed it have stopped one after the other',
        }
      : {
          code: 'internal',
          message: 'the service failed; its log says more under the id of this prediction',
        };
  }
}

/** The error for a failure. */
export function errorOf({ code, message }: Failure): Error {
  switch (code) {
    case 'cancelled':
      return new CancelledError(message);
    case 'engine_unavailable':
      return new PredictorUnavailableError(message);
    case 'prediction_failed':
      return new PredictionFailedError(message);
    case 'not_stored':
      return Object.assign(new NotStoredError(new Error(message)), { message });
    default:
      return new Error(message);
  }
}
