import { isObject } from '../json.js';
import type { Dimension, Size } from '../layers/size.js';

/**
 * Returns the output size of a layer that is left out, if its class determines it; otherwise null. Keras 3 records most
 * sizes, Keras 2 none.
 */
export function sizeBehind(type: string, config: unknown, size: Size | null): Size | null {
  const make = SIZES.find(([classes]) => classes.split(' ').includes(type))?.[1];
  return size && make ? make(size, isObject(config) ? config : {}) : null;
}

type Config = Readonly<Record<string, unknown>>;
type Make = (size: Size, config: Config) => Size | null;

const SIZES: readonly (readonly [classes: string, make: Make])[] = [
  [
    'GroupNormalization RMSNormalization LayerNormalization BatchNormalization InstanceNormalization PReLU ' +
      'GroupQueryAttention GroupedQueryAttention MultiHeadAttention ReLU Activation Dropout',
    (size, config) => (isGiven(config.output_shape) ? null : size),
  ],
  [
    'Conv1D Conv2D Conv3D SeparableConv1D SeparableConv2D',
    (size, config) => slid(size, config, number(config.filters)),
  ],
  ['DepthwiseConv1D DepthwiseConv2D', (size, config) => slid(size, config, 'multiplied')],
  ['Conv1DTranspose Conv2DTranspose Conv3DTranspose', (size, config) => grown(size, config)],
  [
    'MaxPooling1D MaxPooling3D AveragePooling1D AveragePooling3D',
    (size, config) => slid(size, config, 'same'),
  ],
  [
    'GlobalMaxPooling1D GlobalMaxPooling3D GlobalAveragePooling3D',
    (size, config) => {
      const { lengths, channels, isFirst } = split(size, config);
      return config.keepdims
        ? together(
            lengths.map(() => 1),
            channels,
            isFirst,
          )
        : [channels];
    },
  ],
  ['SimpleRNN LSTM GRU', (size, config) => inTime(size, config, [number(config.units)])],
  ['ConvLSTM1D ConvLSTM2D ConvLSTM3D', (size, config) => inTime(size, config, frames(size, config))],
  ['Bidirectional', (size, config) => inBothDirections(size, config)],
  ['TimeDistributed', (size, config) => overTime(size, config)],
  ['SpectralNormalization', (size, config) => wrapped(size, config)],
  ['Embedding', (size, config) => [...size, number(config.output_dim)]],
  ['Dense', (size, config) => [...size.slice(0, -1), number(config.units)]],
  [
    'Flatten',
    (size) => [size.reduce<Dimension>((total, n) => (total === null || n === null ? null : total * n), 1)],
  ],
  ['Lambda', (_, config) => sizeWritten(config.output_shape)],
];

function number(value: unknown): Dimension {
  return typeof value === 'number' ? value : null;
}

function isGiven(value: unknown): boolean {
  return value !== null && value !== undefined;
}

/** A size as configs give it; null if it is something else, such as the name of a function. */
function sizeWritten(value: unknown): Size | null {
  const isSize = Array.isArray(value) && value.every((n) => n === null || (Number.isSafeInteger(n) && n > 0));
  return isSize ? (value as Size) : null;
}

/** Splits a size into lengths and channels, whichever come first. */
function split(
  size: Size,
  { data_format: format }: Config,
): { lengths: Size; channels: Dimension; isFirst: boolean } {
  const isFirst = format === 'channels_first';
  return isFirst
    ? { lengths: size.slice(1), channels: size[0]!, isFirst }
    : { lengths: size.slice(0, -1), channels: size.at(-1)!, isFirst };
}

function together(lengths: Size, channels: Dimension, isFirst: boolean): Size {
  return isFirst ? [channels, ...lengths] : [...lengths, channels];
}

/** The value for one axis, which may be given for each axis or once for all. */
function perAxis(value: unknown, axis: number, otherwise: number): number {
  const item: unknown = Array.isArray(value) ? value[axis] : value;
  return typeof item === 'number' && item > 0 ? item : otherwise;
}

function slid(size: Size, config: Config, features: Dimension | 'same' | 'multiplied'): Size {
  const { lengths, channels, isFirst } = split(size, config);
  const kernel = config.kernel_size ?? config.pool_size;
  const steps = config.strides ?? config.pool_size;
  const sides = lengths.map((length, axis) => {
    if (length === null) return null;
    const span = (perAxis(kernel, axis, 1) - 1) * perAxis(config.dilation_rate, axis, 1);
    const left = config.padding === 'same' || config.padding === 'causal' ? length : length - span;
    return Math.max(1, Math.ceil(left / perAxis(steps, axis, 1)));
  });
  const multiplied = channels && channels * perAxis(config.depth_multiplier, 0, 1);
  return together(
    sides,
    features === 'same' ? channels : features === 'multiplied' ? multiplied : features,
    isFirst,
  );
}

/** Size after a transposed convolution. */
function grown(size: Size, config: Config): Size | null {
  if (config.output_padding !== null && config.output_padding !== undefined) return null;
  const { lengths, isFirst } = split(size, config);
  const sides = lengths.map((length, axis) => {
    if (length === null) return null;
    const kernel = (perAxis(config.kernel_size, axis, 1) - 1) * perAxis(config.dilation_rate, axis, 1) + 1;
    const step = perAxis(config.strides, axis, 1);
    return length * step + (config.padding === 'same' ? 0 : Math.max(kernel - step, 0));
  });
  return together(sides, number(config.filters), isFirst);
}

/** Size after a recurrent layer, which outputs every step or only the last one. */
function inTime([steps = null]: Size, config: Config, given: Size | null): Size | null {
  if (config.time_major) return null;
  return given && (config.return_sequences ? [steps, ...given] : given);
}

/** Size of a video after a convolution of each frame. */
function frames(size: Size, config: Config): Size {
  return slid(size.slice(1), config, number(config.filters));
}

interface Inner {
  readonly type: string;
  readonly config: Config;
}

/** The layer that another layer wraps. */
function innerOf({ layer }: Config): Inner | null {
  if (!isObject(layer) || typeof layer.class_name !== 'string') return null;
  return { type: layer.class_name, config: isObject(layer.config) ? layer.config : {} };
}

function wrapped(size: Size, config: Config): Size | null {
  const inner = innerOf(config);
  return inner && sizeBehind(inner.type, inner.config, size);
}

function overTime([steps = null, ...rest]: Size, config: Config): Size | null {
  const each = wrapped(rest, config);
  return each && [steps, ...each];
}

/** Size after a layer and its copy that runs backwards. */
function inBothDirections(size: Size, config: Config): Size | null {
  const one = wrapped(size, config);
  const last = one?.at(-1) ?? null;
  if (!one || config.merge_mode === null) return null;
  const isJoined = (config.merge_mode ?? 'concat') === 'concat';
  return isJoined ? [...one.slice(0, -1), last && 2 * last] : one;
}
