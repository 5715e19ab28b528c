import type { Fault } from '../architecture/faults.js';
import type { PredictionRecord } from './record.js';

/** A name that nothing has: of a GHN, an architecture or a prediction. The message says what there is. */
export class NotFoundError extends Error {}

/** A prediction has no weights: not yet, or never, as its record says. */
export class NotReadyError extends Error {
  readonly record: PredictionRecord;

  constructor(record: PredictionRecord) {
    super(`the prediction is ${record.status}`);
    this.record = record;
  }
}

/** Nobody waits for a prediction any more, or somebody deleted it. */
export class CancelledError extends Error {}

/** A request that does not validate, with every fault found. */
export class InvalidRequestError extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super('The request does not validate.');
    this.faults = faults;
  }
}
