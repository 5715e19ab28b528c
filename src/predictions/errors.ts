import type { Fault } from '../architecture/faults.js';
import type { PredictionRecord } from '../record/record.js';
import { systemDescription } from '../system/system-error.js';

/** No GHN, architecture or prediction has that name. The message lists the names that exist. */
export class NotFoundError extends Error {}

/** A prediction has no weights: not yet, or because it failed. Its record says which. */
export class NotReadyError extends Error {
  readonly record: PredictionRecord;

  constructor(record: PredictionRecord) {
    super(`the prediction is ${record.status}`);
    this.record = record;
  }
}

/** A prediction was computed and answered, but could not be stored, so it cannot be found later. */
export class NotStoredError extends Error {
  constructor(cause: Error) {
    super(`it was computed, but could not be stored: ${reasonOf(cause)}; send the request again`);
    this.cause = cause;
  }
}

/** The operating system's description, which has no paths of the service, or the store's own message. */
function reasonOf(error: Error): string {
  const { cause } = error;
  const description = systemDescription(cause ?? error);
  if (description) return description;
  return cause instanceof Error ? cause.message : error.message;
}

/** No client waits for a prediction any more, or a client deleted it. */
export class CancelledError extends Error {}

/** A request does not validate. The error has every fault. */
export class InvalidRequestError extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super('The request does not validate.');
    this.faults = faults;
  }
}
