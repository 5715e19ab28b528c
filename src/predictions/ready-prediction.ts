import type { PredictionRecord } from '../record/record.js';
import type { LinkedBody } from '../store/store.js';
import type { TensorSource } from '../tensor/tensor.js';

/** A prediction whose weights can be written out, from memory or from the store. */
export interface ReadyPrediction {
  readonly record: PredictionRecord;
  readonly tensors: readonly TensorSource[];
  /** Where the store gives it to others as well. */
  readonly body?: LinkedBody;
  /** Whether it was there already. */
  readonly cached: boolean;
  /** To be called once nothing is read from it any more. */
  readonly release: () => void;
}
