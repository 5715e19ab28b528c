import type { FaultList } from '../faults.js';
import { asArray, isObject } from '../json.js';
import { MAX_INPUTS } from '../layers/layer-type.js';
import type { Generation } from './layer.js';

/** One of a layer's outputs, by the layer's name, which of its calls, and which of that call's outputs. */
export interface Reference {
  readonly layer: string;
  readonly call: number;
  readonly output: number;
  readonly path: readonly PropertyKey[];
}

/**
 * Which of a layer's calls, counted from 0, a reference names. In Keras 2 a model's first call is the one that made it,
 * which is not in the list.
 */
export function callOf({ call }: Reference, isModel: boolean, generation: Generation): number {
  return isModel && generation === 2 ? Math.max(0, call - 1) : call;
}

/** Arguments hold tensors in lists and dictionaries, hardly in anything deeper. */
const MAX_DEPTH = 6;

/** The tensors in one entry of `inbound_nodes`: in order, whichever arguments they are. */
export function callReferences(call: unknown, path: readonly PropertyKey[], faults: FaultList): Reference[] {
  const found: Reference[] = [];
  const at = [...path];
  const collect = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || found.length > MAX_INPUTS) return;
    const reference = asReference(value, at);
    if (reference) found.push(reference);
    if (depth === MAX_DEPTH || isKeras3Tensor(value)) return;
    // Of Keras 2's [name, call, output, {…}] the last has further arguments.
    for (const [key, item] of entries(value)) {
      at.push(key);
      collect(item, depth + 1);
      at.pop();
    }
  };
  collect(call, 0);
  if (found.length > MAX_INPUTS) {
    faults.add(
      path,
      `takes more outputs of layers than the ${MAX_INPUTS} that one call may; join some of them before`,
    );
  }
  return found.slice(0, MAX_INPUTS);
}

/** Of `input_layers` and `output_layers`: one, a list of them, or in Keras 3 a dictionary. */
export function references(value: unknown, path: readonly PropertyKey[], faults: FaultList): Reference[] {
  const one = asReference(value, path);
  if (one) return [one];
  const count = isObject(value) ? Object.keys(value).length : asArray(value).length;
  if (count > MAX_INPUTS) {
    faults.add(path, `names ${count} layers, more than the ${MAX_INPUTS} that a model may have here`);
    return [];
  }
  return [...entries(value)].flatMap(([key, item]) => asReference(item, [...path, key]) ?? []);
}

function entries(value: unknown): Iterable<[key: PropertyKey, item: unknown]> {
  return isObject(value) ? Object.entries(value) : asArray(value).entries();
}

function isKeras3Tensor(value: unknown): value is { config: Record<string, unknown> } {
  return isObject(value) && value.class_name === '__keras_tensor__' && isObject(value.config);
}

function asReference(value: unknown, path: readonly PropertyKey[]): Reference | null {
  if (isKeras3Tensor(value)) {
    const at = [...path, 'config', 'keras_history'];
    return asReference(value.config.keras_history, at);
  }
  const [layer, call, output] = asArray(value);
  // Keras 2 writes constants as ["_CONSTANT_VALUE", -1, value].
  const isReference = typeof layer === 'string' && isIndex(call) && isIndex(output);
  return isReference ? { layer, call, output, path: [...path] } : null;
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
