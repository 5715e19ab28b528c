import { z } from 'zod';
import type { Limits } from '../architecture/limits.js';
import { InvalidRequestError } from './errors.js';
import { PlannedRequest } from './plan-request.js';
import { type PredictRequest, predictBodySchema, readPredictRequest } from './request.js';

/** The most requests that one body may hold. */
export const MAX_REQUESTS = 256;

/** The body of POST /predict as the OpenAPI document shows it. */
export const predictBodiesSchema = z.union([
  predictBodySchema,
  z
    .array(z.unknown().meta({ description: 'A request. An invalid one gets a problem among the results.' }))
    .min(1)
    .max(MAX_REQUESTS)
    .describe(
      'Many requests at once. A request that fails gets a problem among the results, and the others are predicted.',
    ),
]);

/** Requests that came in one body. If one could not be read, its error stands in its place. */
export class RequestList {
  readonly entries: readonly (PredictRequest | PlannedRequest | Error)[];

  constructor(entries: readonly (PredictRequest | PlannedRequest | Error)[]) {
    this.entries = entries;
  }

  /** Bytes that its large architectures take up, which another process has read. Small ones count as 0. */
  get bytes(): number {
    return this.entries.reduce(
      (sum, entry) => sum + (entry instanceof PlannedRequest ? entry.plan.cost.requestBytes : 0),
      0,
    );
  }
}

/**
 * Reads the body of POST /predict: a request, or a list of them.
 *
 * @throws InvalidRequestError with every fault, each with its JSON pointer into the body; the faults of a list's
 * entries are among its entries instead
 */
export function readPredictBody(body: unknown, limits: Limits): PredictRequest | RequestList {
  if (!Array.isArray(body)) return readPredictRequest(body, limits);
  checkList(body);
  return new RequestList(
    body.map((entry, index) => {
      try {
        return readPredictRequest(entry, limits);
      } catch (error) {
        return inList(error as Error, index);
      }
    }),
  );
}

/** @throws InvalidRequestError for a list that is empty or too long */
export function checkList(body: readonly unknown[]): void {
  if (body.length > 0 && body.length <= MAX_REQUESTS) return;
  const message = `expected a request, or a list of 1 to ${MAX_REQUESTS} requests, not an array of ${body.length}`;
  throw new InvalidRequestError([{ path: '', message }]);
}

/** Prefixes the pointers of an entry's faults with the entry's index in the list. */
export function inList(error: Error, index: number): Error {
  if (!(error instanceof InvalidRequestError)) return error;
  return new InvalidRequestError(
    error.faults.map(({ path, message }) => ({ path: `/${index}${path}`, message })),
  );
}
