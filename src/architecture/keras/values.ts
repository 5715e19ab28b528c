import type { Size } from '../layers/size.js';
import { agree } from '../layers/size.js';
import { inputsOfCall } from './arguments.js';
import type { KerasValue } from './layer.js';
import type { Model, ModelLayer } from './model.js';
import type { Call } from './references.js';

/** The inputs of a layer or model in a call: a value for each of the call's references, if it has any. */
export interface ModelInputs {
  readonly call: Call;
  readonly values: readonly KerasValue[];
}

/** In the place of what has a fault already. */
export function unknownValue(giver: string): KerasValue {
  return { node: 0, size: null, giver, isUnknown: true };
}

/** Message about a layer whose output size is not known. */
export function stateBehind(
  { call, values }: ModelInputs,
  { builtFor }: ModelLayer,
): { isUnknown?: true; isStale?: true } {
  const written = call.references.length > 0 ? call.references.map(({ size }) => size) : [builtFor];
  return {
    ...(values.some(({ isUnknown }) => isUnknown) && { isUnknown: true }),
    ...(isStale(values, written) && { isStale: true }),
  };
}

/** The values of a model's inputs in a call, by the names of its input layers. */
export function valuesOfInputs(model: Model, { call, values }: ModelInputs): ReadonlyMap<string, KerasValue> {
  const given = inputsOfCall(model, call, values);
  return new Map(
    model.inputs.flatMap(({ layer }, k): [string, KerasValue][] => {
      const value = given[k];
      return value ? [[layer, value]] : [];
    }),
  );
}

/**
 * A value with what Keras 3 writes of its size beside each use. That is how the model was made, so it is what is taken
 * for outputs whose size is not known otherwise; but who changes a layer by hand leaves it as it was. Where the two do
 * not agree, a layer's own size counts, which Keras goes by as well, and an operation's is not known.
 */
export function withWritten(value: KerasValue, written: Size | null, isLayer: boolean): KerasValue {
  const { size, isStale } = value;
  if (written === null) return value;
  if (size === null) return isStale ? value : { ...value, size: written };
  if (isSame(size, written)) return { ...value, size: size.map((n, axis) => n ?? written[axis]!) };
  return isLayer ? value : { ...value, size: null, isStale: true };
}

/**
 * True if the sizes written at a call's inputs differ from these. Then the sizes written at its outputs are ignored.
 */
function isStale(inputs: readonly KerasValue[], written: readonly (Size | null)[]): boolean {
  return inputs.some(({ size, isStale }, k) => {
    const beside = written[k] ?? null;
    return size === null ? isStale === true : beside !== null && !isSame(size, beside);
  });
}

function isSame(size: Size, other: Size): boolean {
  return size.length === other.length && size.every((n, axis) => agree(n, other[axis]));
}
