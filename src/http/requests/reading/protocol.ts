import type { Fault } from '../../../architecture/faults.js';
import type { Limits } from '../../../architecture/limits.js';
import { UnknownArchitectureError } from '../../../architecture/zoo.js';
import { InvalidRequestError, NotFoundError } from '../../../predictions/errors.js';
import type { SentPlan } from '../../../predictions/planning/sent-plan.js';
import { PredictorUnavailableError } from '../../../predictor/executor.js';
import type { PredictorDescription } from '../../../predictor/protocol.js';
import { MalformedJsonError, TooManyObjectsError } from './parse-body.js';

/** A body to read, which follows as a text. */
export interface ToReader {
  readonly bodyLimit: number;
  /** How it is to be planned; null where it only has to be JSON. */
  readonly planning: {
    readonly limits: Limits;
    /** The engine and the GHNs; null before they are loaded. */
    readonly description: PredictorDescription | null;
  } | null;
}

export type ReadEntry = { readonly plan: SentPlan } | { readonly error: SentError };

export type FromReader =
  /** It is JSON. */
  | { readonly type: 'json' }
  | { readonly type: 'request'; readonly entry: ReadEntry }
  | { readonly type: 'list'; readonly entries: readonly ReadEntry[] };

/** An error on its way from one process to another. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly faults?: readonly Fault[];
}

/** Classes of the errors that reading a body ends with, by the names under which they are sent. */
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

/** The error as it was; one that nobody expects is a plain one. */
export function receivedError({ name, message, faults }: SentError): Error {
  if (name === INVALID) return new InvalidRequestError(faults ?? []);
  return new (CLASSES[name] ?? Error)(message);
}
