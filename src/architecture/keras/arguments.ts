import type { Constant, KerasLayer } from './layer.js';
import type { Model } from './model.js';
import type { Call } from './references.js';

/** The arguments of a layer's call. */
export interface ReadArguments<Tensor> {
  /** The tensors that the layer computes with, in order. */
  readonly values: readonly Tensor[];
  /** The same tensors by the names of their arguments, for a class that has several. */
  readonly named: ReadonlyMap<string, Tensor>;
  /** Masks. No weight depends on them. */
  readonly masks: readonly Tensor[];
  readonly constants: readonly Constant[];
}

/** Arguments that say which entries count. Masks do not carry data, so no weight depends on them. */
const MASK = /(?:^|_)mask$|^training$/;

/**
 * Sorts a call's arguments by their meaning for the layer. Keras gives them by position, or by name in any order.
 *
 * @param given the values of the call's references; if the call has none, the values that the layer takes
 */
export function readArguments<Tensor>(
  call: Call,
  given: readonly Tensor[],
  { takes }: Pick<KerasLayer, 'takes'>,
  isOperation: boolean,
): ReadArguments<Tensor> {
  const named = new Map<string, Tensor>();
  const masks: Tensor[] = [];
  if (call.references.length === 0) {
    given.forEach((value, k) => {
      const name = takes?.[k];
      if (name !== undefined) named.set(name, value);
    });
    return { values: given, named, masks, constants: [] };
  }
  const values: Tensor[] = [];
  const constants: Constant[] = [];
  let at = 0;
  let position = 0;
  for (const { name, references, constant } of call.arguments) {
    const tensors = given.slice(at, at + references.length);
    at += references.length;
    const place = name === null ? position++ : null;
    if (references.length === 0) {
      constants.push({ name, value: constant });
      continue;
    }
    if (!takes) {
      const isData = isOperation || (name === null ? place === 0 : !MASK.test(name));
      (isData ? values : masks).push(...tensors);
      continue;
    }
    // A list stands for several arguments, as in a call of Keras' Attention.
    for (const [k, value] of tensors.entries()) {
      const argument = name ?? takes[place! + k];
      if (argument !== undefined && takes.includes(argument)) named.set(argument, value);
      else masks.push(value);
    }
  }
  return { values: takes ? takes.flatMap((name) => named.get(name) ?? []) : values, named, masks, constants };
}

/**
 * Returns the inputs of a model's call in the order of the model's inputs. A dictionary is matched by its keys, which
 * are those of the model's own dictionary of inputs or the names of its input layers. Other arguments are matched by
 * their order.
 */
export function inputsOfCall<Tensor>(
  { inputs }: Pick<Model, 'inputs'>,
  { references }: Call,
  given: readonly Tensor[],
): (Tensor | undefined)[] {
  const byKey = new Map(
    references.flatMap(({ key }, k) => (key === null ? [] : [[key, given[k]!] as const])),
  );
  return inputs.map(
    ({ layer, key }, k) => (key === null ? undefined : byKey.get(key)) ?? byKey.get(layer) ?? given[k],
  );
}
