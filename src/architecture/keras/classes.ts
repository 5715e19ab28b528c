import { quote } from '../faults.js';
import type { Hints } from '../nearest.js';
import { KERAS_ALIASES } from './aliases.js';
import type { KerasLayer } from './layer.js';
import { KERAS_LAYERS } from './layers/index.js';
import { isQuantized, OWN, QUANTIZED, REFUSED } from './layers/refused.js';
import type { ModelLayer } from './model.js';
import { isOperation, operationType } from './operations/index.js';

/**
 * The reason why a layer cannot be predicted: `against` for the record if the layer is omitted, `message` for the
 * answer if the request is refused.
 */
interface Against {
  readonly against: string;
  readonly message: string;
}

/** The layer type of a class and config, or the reason why there is none. */
export function classOf(layer: ModelLayer, hints: Hints): { readonly type: KerasLayer } | Against {
  if (isOperation(layer)) return { type: operationType(layer) };
  const { type } = layer;
  const known = layer.isOwn ? undefined : KERAS_LAYERS.get(type);
  const reason = reasonAgainst(layer, known);
  if (reason !== null) return { against: reason, message: `${quote(type)} cannot be predicted: ${reason}` };
  if (known) return { type: known };
  const against = `${quote(type)} is not a layer whose weights and sizes are known here`;
  return { against, message: `${against}${hints.for(type, KERAS_LAYERS.keys(), KERAS_ALIASES)}` };
}

/** The reason why a layer cannot be predicted; null if it can be, or if its class is unknown. */
function reasonAgainst({ type, isOwn, config }: ModelLayer, known: KerasLayer | undefined): string | null {
  if (isOwn) return OWN;
  return REFUSED.get(type) ?? (isQuantized(config) ? QUANTIZED : null) ?? known?.refuses(config) ?? null;
}
