import type { Variable } from '../../architecture/keras/variable.js';

/** A weight of a TensorFlow.js model. */
export interface TfjsWeight {
  /** The name in TensorFlow.js: the layer and the weight, without the models around them. */
  readonly name: string;
  readonly variable: Variable;
  /** The constant initial value in the Keras layer's config, if it gives one. */
  readonly constant?: number;
}
