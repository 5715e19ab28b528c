import { z } from 'zod';
import type { FaultList } from '../faults.js';
import { asArray, isObject } from '../json.js';
import { MAX_INPUTS } from '../layers/layer-type.js';
import type { Size } from '../layers/size.js';
import type { Generation } from './layer.js';

/**
 * One of a layer's outputs, given by the layer's name, the number of the call, and the number of that call's output.
 */
export interface Reference {
  readonly layer: string;
  readonly call: number;
  readonly output: number;
  readonly path: readonly PropertyKey[];
  /** The output's size without the batch, if Keras 3 wrote it at this use; otherwise null. */
  readonly size: Size | null;
  /** The key of the reference if it is in an object, since models can name their inputs. */
  readonly key: string | null;
}

/** An argument of a call: the tensors in it, or a constant. */
export interface Argument {
  /** null for an argument given by position. */
  readonly name: string | null;
  readonly references: readonly Reference[];
  /** The argument's value if it contains no tensors. */
  readonly constant: unknown;
}

/** One entry of `inbound_nodes`: a call of a layer. Arguments by position come first. */
export interface Call {
  readonly arguments: readonly Argument[];
  /** References in all arguments. */
  readonly references: readonly Reference[];
}

/** Maximum number of dimensions. A batch of videos has five. */
const MAX_DIMENSIONS = 8;

const shapeSchema = z.array(z.int().min(1).nullable()).min(1).max(MAX_DIMENSIONS).nullish().catch(null);

/** Turns a shape, which includes the batch, into a size; null if it is not a shape. */
export function sizeOfShape(shape: unknown): Size | null {
  const read = shapeSchema.parse(shape);
  return read ? read.slice(1) : null;
}

/**
 * The number, from 0, of the call that a reference names. In Keras 2, a model's first call is the one that created it,
 * which is not in the list.
 */
export function callOf({ call }: Reference, isModel: boolean, generation: Generation): number {
  return isModel && generation === 2 ? Math.max(0, call - 1) : call;
}

/** Maximum depth of tensors in an argument. They are in lists and dictionaries, rarely in anything deeper. */
const MAX_DEPTH = 6;

/** The word that Keras 2 writes for an argument that is not a tensor: `["_CONSTANT_VALUE", -1, value, {…}]`. */
const CONSTANT = '_CONSTANT_VALUE';

/**
 * Reads an entry of `inbound_nodes`: Keras 3's `{args, kwargs}`, or Keras 2's list of tensors, `[layer, call, output,
 * {…}]`, whose last item has the named arguments.
 */
export function readCall(call: unknown, path: readonly PropertyKey[], faults: FaultList): Call {
  let left = MAX_INPUTS;
  const argument = (name: string | null, value: unknown, at: readonly PropertyKey[]): Argument => {
    const references = collect(value, at, left + 1);
    left -= references.length;
    return { name, references, constant: references.length > 0 ? undefined : value };
  };
  const named = (values: unknown, at: readonly PropertyKey[]): Argument[] =>
    isObject(values)
      ? Object.entries(values).map(([name, value]) => argument(name, value, [...at, name]))
      : [];
  const read = (): Argument[] => {
    if (isObject(call) && ('args' in call || 'kwargs' in call)) {
      const positional = asArray(call.args).map((value, k) => argument(null, value, [...path, 'args', k]));
      return [...positional, ...named(call.kwargs, [...path, 'kwargs'])];
    }
    const [first, at] = firstOfKeras2(call, path);
    const isConstant = Array.isArray(first) && first[0] === CONSTANT;
    const given = isConstant
      ? { name: null, references: [], constant: first[2] as unknown }
      : argument(null, call, path);
    return [given, ...(Array.isArray(first) ? named(first[3], [...at, 3]) : [])];
  };
  const read_ = read();
  if (left < 0) {
    faults.add(
      path,
      `takes more outputs of layers than the ${MAX_INPUTS} that one call may; join some of them first`,
    );
  }
  const references = read_.flatMap((item) => item.references).slice(0, MAX_INPUTS);
  return { arguments: read_, references };
}

/** The first tensor of a call in Keras 2, or the constant instead of it. It carries the call's named arguments. */
function firstOfKeras2(call: unknown, path: readonly PropertyKey[]): [unknown, readonly PropertyKey[]] {
  if (Array.isArray(call) && typeof call[0] === 'string') return [call, path];
  for (const [key, item] of entries(call)) return [item, [...path, key]];
  return [null, path];
}

/** The tensors in an argument, in order, at most `most` of them. */
function collect(
  argument: unknown,
  path: readonly PropertyKey[],
  most: number,
  items = entries,
): Reference[] {
  const found: Reference[] = [];
  const at = [...path];
  const look = (value: unknown, depth: number, key: string | null): void => {
    if (typeof value !== 'object' || found.length >= most) return;
    const reference = asReference(value, at, key);
    if (reference) found.push(reference);
    if (reference || depth === MAX_DEPTH || isKeras3Tensor(value)) return;
    for (const [name, item] of items(value)) {
      at.push(name);
      look(item, depth + 1, typeof name === 'string' ? name : key);
      at.pop();
    }
  };
  look(argument, 0, null);
  return found;
}

/** References in `input_layers` and `output_layers`: a single one, or lists and dictionaries, sorted by key. */
export function references(value: unknown, path: readonly PropertyKey[], faults: FaultList): Reference[] {
  const found = collect(value, path, MAX_INPUTS + 1, sortedEntries);
  if (found.length <= MAX_INPUTS) return found;
  const count = isObject(value) ? Object.keys(value).length : asArray(value).length;
  faults.add(
    path,
    `names ${Math.max(count, found.length)} layers, more than the ${MAX_INPUTS} that a model may have here`,
  );
  return [];
}

function entries(value: unknown): Iterable<[key: PropertyKey, item: unknown]> {
  return isObject(value) ? Object.entries(value) : asArray(value).entries();
}

function sortedEntries(value: unknown): Iterable<[key: PropertyKey, item: unknown]> {
  return isObject(value) ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : entries(value);
}

function isKeras3Tensor(value: unknown): value is { config: Record<string, unknown> } {
  return isObject(value) && value.class_name === '__keras_tensor__' && isObject(value.config);
}

function asReference(value: unknown, path: readonly PropertyKey[], key: string | null): Reference | null {
  if (isKeras3Tensor(value)) {
    const { keras_history: history, shape } = value.config;
    const reference = asReference(history, [...path, 'config', 'keras_history'], key);
    return reference && { ...reference, size: sizeOfShape(shape) };
  }
  const [layer, call, output] = asArray(value);
  const isReference = typeof layer === 'string' && isIndex(call) && isIndex(output);
  return isReference ? { layer, call, output, path: [...path], size: null, key } : null;
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
