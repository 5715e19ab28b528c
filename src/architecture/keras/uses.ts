import { isObject } from '../json.js';

/** Deeper values are refused when they are read. */
const MAX_DEPTH = 100;

/**
 * An upper bound for how often the layers of a Keras model are used once the models within it are unrolled, from its JSON
 * alone and in linear time: a model of 2 KB can use its layers 20,000 times. Initialisers and other objects with a class count
 * as layers.
 *
 * @returns Infinity if the JSON is too deep
 */
export function layerUses(keras: unknown): number {
  if (typeof keras !== 'string') return usesIn(keras, 0);
  try {
    return usesIn(JSON.parse(keras), 0);
  } catch {
    return 0;
  }
}

function usesIn(value: unknown, depth: number): number {
  if (depth > MAX_DEPTH) return Number.POSITIVE_INFINITY;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + usesIn(item, depth + 1), 0);
  if (!isObject(value)) return 0;
  const { inbound_nodes: calls, ...rest } = value;
  const once = Object.values(rest).reduce((sum: number, item) => sum + usesIn(item, depth + 1), 0);
  const own = typeof value.class_name === 'string' ? 1 : 0;
  return (once + own) * (Array.isArray(calls) ? Math.max(1, calls.length) : 1);
}
