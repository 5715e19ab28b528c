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

/** A value for something that already has a fault. */
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
 * Adds the size that Keras 3 wrote at a use to a value. The model was built with that size, so it is used if the size
 * is otherwise unknown. It is out of date if someone has edited a layer in the JSON. If the two sizes differ, the
 * computed size of a layer counts, as it does in Keras; the size of an operation becomes unknown.
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
