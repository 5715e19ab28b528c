import { isObject } from '../json.js';
import type { Dimension, Size } from '../layers/size.js';
import type { Reference } from './references.js';

/**
 * What a layer that is left out makes of its input's size, where its class says it; null where it does not. Keras 3
 * writes most sizes down, Keras 2 none.
 */
export function sizeBehind(type: string, config: unknown, size: Size | null): Size | null {
  const make = SIZES.find(([classes]) => classes.test(type))?.[1];
  return size && make ? make(size, isObject(config) ? config : {}) : null;
}

type Config = Readonly<Record<string, unknown>>;

const SIZES: readonly (readonly [classes: RegExp, make: (size: Size, config: Config) => Size | null])[] = [
  [/Normalization$|Attention$|^PReLU$/, (size) => size],
  [/^Conv(LSTM)?[1-3]D$|^SeparableConv1D$/, (size, config) => slid(size, config, number(config.filters))],
  [/^DepthwiseConv1D$/, (size, config) => slid(size, config, 'multiplied')],
  [/^Conv[1-3]DTranspose$/, (size, config) => grown(size, config)],
  [/^(Max|Average)Pool(ing)?[1-3]D$/, (size, config) => slid(size, config, 'same')],
  [/^Global(Max|Average)Pool(ing)?[1-3]D$/, (size) => size.slice(-1)],
  [
    /^(SimpleRNN|LSTM|GRU)$/,
    (size, config) => (config.return_sequences ? [size[0]!, number(config.units)] : [number(config.units)]),
  ],
  [/^Embedding$/, (size, config) => [...size, number(config.output_dim)]],
];

function number(value: unknown): Dimension {
  return typeof value === 'number' ? value : null;
}

/** Lengths and channels of an input, whichever comes first. */
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

/** One number for each axis, of one that may be given for all of them. */
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

/** Of a transposed convolution. */
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

/** The size that a use of an output says it has, where the layer that gives it does not. */
export function declared<Given extends { readonly size: Size | null }>(
  value: Given,
  { size }: Reference,
): Given {
  return value.size === null && size !== null ? { ...value, size } : value;
}
