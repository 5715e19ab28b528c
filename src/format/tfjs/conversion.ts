import { readArguments } from '../../architecture/keras/arguments.js';
import type { Constant, Generation } from '../../architecture/keras/layer.js';
import type { PlacedLayer } from '../../architecture/keras/reader.js';
import { activationName } from './activations.js';
import { TfjsUnsupportedError } from './errors.js';

export type Config = Readonly<Record<string, unknown>>;

/** A layer of Keras, to be converted. */
export interface Given {
  readonly config: Config;
  readonly generation: Generation;
  readonly placed: PlacedLayer;
}

/** The layer of TensorFlow.js that computes the same. */
export interface Converted {
  readonly type: string;
  readonly config: Config;
}

/** What TensorFlow.js takes for some of Keras' layers; throws TfjsUnsupportedError where it has nothing. */
export type Convert = (given: Given) => Converted;

/** Keras' layers that do nothing, or nothing that matters when the model runs. */
export const IDENTITY = (): Converted => ({ type: 'Activation', config: { activation: 'linear' } });

/** A layer that TensorFlow.js has under the same name, with some of its config: it refuses or misreads other keys. */
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

/** As `convert`, where the config has these values, null or nothing at some keys: TensorFlow.js would pass over others. */
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

/** As `convert`, where the layer's axis is its input's last: TensorFlow.js computes others along the last as well. */
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

/** x · scale + offset, each a number or one for each entry of the last axis. */
export function rescaling(scale: unknown, offset: unknown): Converted {
  return { type: 'Rescaling', config: { scale, offset } };
}

/** The arguments of the layer's call that are not tensors. */
export function constantsOf({ call }: PlacedLayer): readonly Constant[] {
  return readArguments(call, call.references, { takes: null }, true).constants;
}

/** A layer that gives its output's size, in which only the batch may be unknown. */
export const reshape: Convert = ({ placed: { size } }) => {
  if (size === null || size.includes(null)) {
    throw new TfjsUnsupportedError('size to reshape to where the input’s is not known whole');
  }
  return { type: 'Reshape', config: { target_shape: size } };
};
