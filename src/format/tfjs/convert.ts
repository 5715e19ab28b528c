import { isObject } from '../../architecture/json.js';
import type { Generation } from '../../architecture/keras/layer.js';
import { isOperation } from '../../architecture/keras/operations/index.js';
import type { PlacedLayer } from '../../architecture/keras/reader.js';
import type { Converted } from './conversion.js';
import { TfjsUnsupportedError } from './errors.js';
import { layerConversion } from './layers.js';
import { operationConversion } from './operations.js';

/** A layer as TensorFlow.js reads it, but for its name. */
export interface TfjsLayer extends Converted {
  /** Whether it has the weights that Keras' layer has; else it has none. */
  readonly hasWeights: boolean;
}

/**
 * A layer of Keras 2 or 3 as TensorFlow.js' version 4 has it, which is much as Keras 2 had it. Initialisers, regularisers
 * and constraints are left out: the model comes with its weights.
 * @throws TfjsUnsupportedError
 */
export function tfjsLayer(placed: PlacedLayer, generation: Generation): TfjsLayer {
  const { layer } = placed;
  const config = isObject(layer.config) ? layer.config : {};
  const convert = isOperation(layer) ? operationConversion(layer.type, config) : layerConversion(layer.type);
  if (!convert) throw new TfjsUnsupportedError('layers of this class');
  return { ...convert({ config, generation, placed }), hasWeights: layer.type !== 'Normalization' };
}
