import { z } from 'zod';
import { PredictionFailedError, PredictorUnavailableError } from '../predictor/executor.js';
import { CancelledError, NotStoredError } from './errors.js';

export const FAILURE_CODES = [
  'cancelled',
  'engine_unavailable',
  'not_stored',
  'prediction_failed',
  'internal',
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** Why a prediction came to nothing. */
export const failureSchema = z.object({ code: z.enum(FAILURE_CODES), message: z.string() });
export type Failure = z.infer<typeof failureSchema>;

/** What a record says of the error that ended its prediction. */
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
