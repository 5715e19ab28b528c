import { isObject } from '../../architecture/json.js';
import type { Generation } from '../../architecture/keras/layer.js';
import { isOperation } from '../../architecture/keras/operations/index.js';
import type { PlacedLayer } from '../../architecture/keras/reader.js';
import type { Converted } from './conversion.js';
import { TfjsUnsupportedError } from './errors.js';
import { layerConversion } from './layers.js';
import { operationConversion } from './operations.js';

/** A layer in the form of TensorFlow.js, without its name. */
export interface TfjsLayer extends Converted {
  /** True if the layer has the same weights as the Keras layer; false if it has none. */
  readonly hasWeights: boolean;
}

/**
 * Converts a layer of Keras 2 or 3 into one of TensorFlow.js 4, whose format is close to that of Keras 2. Initialisers,
 * regularisers and constraints are left out, because the model comes with its weights.
 *
 * @throws TfjsUnsupportedError
 */
export function tfjsLayer(placed: PlacedLayer, generation: Generation): TfjsLayer {
  const { layer } = placed;
  const config = isObject(layer.config) ? layer.config : {};
  const convert = isOperation(layer) ? operationConversion(layer.type, config) : layerConversion(layer.type);
  if (!convert) throw new TfjsUnsupportedError('layers of this class');
  return { ...convert({ config, generation, placed }), hasWeights: layer.type !== 'Normalization' };
}
