import { readArguments } from '../../architecture/keras/arguments.js';
import type { Constant, Generation } from '../../architecture/keras/layer.js';
import type { PlacedLayer } from '../../architecture/keras/reader.js';
import { activationName } from './activations.js';
import { TfjsUnsupportedError } from './errors.js';

export type Config = Readonly<Record<string, unknown>>;

/** A Keras layer to convert. */
export interface Given {
  readonly config: Config;
  readonly generation: Generation;
  readonly placed: PlacedLayer;
}

/** The TensorFlow.js layer that computes the same. */
export interface Converted {
  readonly type: string;
  readonly config: Config;
}

/**
 * Converts Keras layers of one class into TensorFlow.js layers. Throws TfjsUnsupportedError if TensorFlow.js has no
 * equivalent.
 */
export type Convert = (given: Given) => Converted;

/** Converts Keras layers that do nothing, or nothing relevant when the model runs. */
export const IDENTITY = (): Converted => ({ type: 'Activation', config: { activation: 'linear' } });

/**
 * Converts to the TensorFlow.js layer of the same name, with the given keys of the config: TensorFlow.js refuses or
 * misreads others.
 */
export function same(type: string, ...keys: readonly string[]): Convert {
  return ({ config, generation }) => ({
    type,
    config: Object.fromEntries(
      keys
        .filter((key) => key in config)
        .map((key) => [key, key === 'activation' ? activationName(config[key], generation) : config[key]]),
    ),
  });
}

/** Like `convert`, but requires these values in the config, or null or no value: TensorFlow.js would ignore others. */
export function only(values: Config, convert: Convert): Convert {
  return (given) => {
    for (const [key, value] of Object.entries(values)) {
      const found = given.config[key] ?? value;
      const isSame = Array.isArray(found) ? found.every((item) => item === value) : found === value;
      if (!isSame) throw new TfjsUnsupportedError(`${key} ${JSON.stringify(found)}`);
    }
    return convert(given);
  };
}

/**
 * Like `convert`, but requires that the layer's axis is the last of its input: TensorFlow.js would compute along the
 * last axis anyway.
 */
export function onLastAxis(convert: Convert): Convert {
  return (given) => {
    const { config, placed } = given;
    const axes = [config.axis ?? -1].flat();
    const [axis] = axes;
    const rank = placed.inputs[0]?.length ?? null;
    if (axes.length !== 1 || (axis !== -1 && (rank === null || axis !== rank))) {
      throw new TfjsUnsupportedError(`axis but the last (here ${JSON.stringify(config.axis)})`);
    }
    return convert(given);
  };
}

/** Returns a layer for x · scale + offset. Each is a number, or has one number for each entry of the last axis. */
export function rescaling(scale: unknown, offset: unknown): Converted {
  return { type: 'Rescaling', config: { scale, offset } };
}

/** Returns the arguments of the layer's call that are not tensors. */
export function constantsOf({ call }: PlacedLayer): readonly Constant[] {
  return readArguments(call, call.references, { takes: null }, true).constants;
}

/** Converts a layer that only changes the shape. Only the batch size may be unknown. */
export const reshape: Convert = ({ placed: { size } }) => {
  if (size === null || size.includes(null)) {
    throw new TfjsUnsupportedError('size to reshape to where the input’s is not known whole');
  }
  return { type: 'Reshape', config: { target_shape: size } };
};
