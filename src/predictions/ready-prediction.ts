import type { PredictionRecord } from '../record/record.js';
import type { LinkedBody } from '../store/store.js';
import type { TensorSource } from '../tensor/tensor.js';

/** A prediction whose weights can be written out, from memory or from the store. */
export interface ReadyPrediction {
  readonly record: PredictionRecord;
  readonly tensors: readonly TensorSource[];
  /** A link to the stored body, if the store can serve clients directly. */
  readonly body?: LinkedBody;
  /** True if it was stored before the request. */
  readonly cached: boolean;
  /** Call this once nothing is read from it any more. */
  readonly release: () => void;
}
