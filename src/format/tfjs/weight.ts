import type { Variable } from '../../architecture/keras/variable.js';

/** A weight of a TensorFlow.js model. */
export interface TfjsWeight {
  /** As TensorFlow.js calls it: the layer and the weight, whatever models are around them. */
  readonly name: string;
  readonly variable: Variable;
  /** The value with which the layer's config in Keras fills it at first, if it gives one. */
  readonly constant?: number;
}
