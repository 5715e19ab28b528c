import { isObject } from '../../../architecture/json.js';
import { layerUses } from '../../../architecture/keras/uses.js';

/** Uses of layers that are read and planned in less than 50 ms, the longest time for which one request may hold the others. */
const MAX_USES = 1500;

/**
 * Returns true if the body of POST /predict is small but takes long to plan, since Keras models can repeat their
 * layers.
 */
export function takesLong(body: unknown): boolean {
  const entries = Array.isArray(body) ? body : [body];
  const uses = entries.reduce((sum: number, entry) => sum + kerasUses(entry), 0);
  return uses > MAX_USES;
}

function kerasUses(entry: unknown): number {
  const architecture = isObject(entry) ? entry.architecture : undefined;
  return isObject(architecture) && 'keras' in architecture ? layerUses(architecture.keras) : 0;
}
