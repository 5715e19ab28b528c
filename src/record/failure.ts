import { z } from 'zod';

export const FAILURE_CODES = [
  'cancelled',
  'engine_unavailable',
  'not_stored',
  'prediction_failed',
  'internal',
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** The reason why a prediction failed. */
export const failureSchema = z.object({ code: z.enum(FAILURE_CODES), message: z.string() });
export type Failure = z.infer<typeof failureSchema>;
