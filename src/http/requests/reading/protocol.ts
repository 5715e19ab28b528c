import type { Fault } from '../../../architecture/faults.js';
import type { Limits } from '../../../architecture/limits.js';
import { UnknownArchitectureError } from '../../../architecture/zoo.js';
import { InvalidRequestError, NotFoundError } from '../../../predictions/errors.js';
import type { SentPlan } from '../../../predictions/planning/sent-plan.js';
import { PredictorUnavailableError } from '../../../predictor/executor.js';
import type { PredictorDescription } from '../../../predictor/protocol.js';
import { MalformedJsonError, TooManyObjectsError } from './parse-body.js';

/** A body to read. Its bytes follow as a text. */
export interface ToReader {
  readonly bodyLimit: number;
  /** The inputs of planning; null if the body only has to be JSON. */
  readonly planning: {
    readonly limits: Limits;
    /** The engine and the GHNs; null before they are loaded. */
    readonly description: PredictorDescription | null;
  } | null;
}

export type ReadEntry = { readonly plan: SentPlan } | { readonly error: SentError };

export type FromReader =
  /** The body is JSON. */
  | { readonly type: 'json' }
  | { readonly type: 'request'; readonly entry: ReadEntry }
  | { readonly type: 'list'; readonly entries: readonly ReadEntry[] };

/** An error in the form that travels between processes. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly faults?: readonly Fault[];
}

/** Classes of the errors that reading a body can throw, by the names under which they are sent. */
const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  malformed: MalformedJsonError,
  large: TooManyObjectsError,
  missing: NotFoundError,
  unknown: UnknownArchitectureError,
  unavailable: PredictorUnavailableError,
};

const INVALID = 'invalid';

export function sentError(error: Error): SentError {
  const { message } = error;
  if (error instanceof InvalidRequestError) return { name: INVALID, message, faults: error.faults };
  const known = Object.entries(CLASSES).find(([, type]) => error instanceof type);
  return { name: known?.[0] ?? '', message };
}

/** Restores an error. An unknown one becomes a plain Error. */
export function receivedError({ name, message, faults }: SentError): Error {
  if (name === INVALID) return new InvalidRequestError(faults ?? []);
  return new (CLASSES[name] ?? Error)(message);
}
