import { AUGMENTATIONS } from '../../architecture/keras/layers/pointwise.js';
import type { Size } from '../../architecture/layers/size.js';
import { activationName } from './activations.js';
import {
  type Convert,
  type Converted,
  type Given,
  IDENTITY,
  onLastAxis,
  only,
  rescaling,
  reshape,
  same,
} from './conversion.js';
import { TfjsUnsupportedError } from './errors.js';

const WINDOW = ['strides', 'padding', 'data_format'];
const CONVOLUTION = [...WINDOW, 'kernel_size', 'dilation_rate', 'use_bias', 'activation'];

/** Conversions of Keras layers, by class. */
export const CONVERSIONS: Readonly<Record<string, Convert>> = {
  Conv2D: only({ groups: 1, data_format: 'channels_last' }, same('Conv2D', 'filters', ...CONVOLUTION)),
  DepthwiseConv2D: only({ dilation_rate: 1 }, same('DepthwiseConv2D', 'depth_multiplier', ...CONVOLUTION)),
  SeparableConv2D: only(
    { data_format: 'channels_last' },
    same('SeparableConv2D', 'filters', 'depth_multiplier', ...CONVOLUTION),
  ),
  Dense: same('Dense', 'units', 'use_bias', 'activation'),
  BatchNormalization: onLastAxis((given) => {
    const { type, config } = same('BatchNormalization', 'momentum', 'epsilon', 'center', 'scale')(given);
    return { type, config: { ...config, axis: -1 } };
  }),
  LayerNormalization: onLastAxis((given) => {
    const { type, config } = same('LayerNormalization', 'epsilon', 'center', 'scale')(given);
    return { type, config: { ...config, axis: -1 } };
  }),
  // Before the layer has seen data, its mean is 0 and its variance 1.
  Normalization: (given) => (given.config.mean ? normalization(given) : IDENTITY()),
  MaxPooling2D: same('MaxPooling2D', 'pool_size', ...WINDOW),
  AveragePooling2D: same('AveragePooling2D', 'pool_size', ...WINDOW),
  GlobalAveragePooling2D: globalPool('GlobalAveragePooling2D', 'AveragePooling2D'),
  GlobalMaxPooling2D: globalPool('GlobalMaxPooling2D', 'MaxPooling2D'),
  GlobalAveragePooling1D: only(
    { keepdims: false, data_format: 'channels_last' },
    same('GlobalAveragePooling1D'),
  ),
  Flatten: (given) =>
    // TensorFlow.js refuses to flatten a flat input.
    given.placed.inputs[0]?.length === 1 ? IDENTITY() : same('Flatten', 'data_format')(given),
  Reshape: reshape,
  Permute: same('Permute', 'dims'),
  ZeroPadding2D: same('ZeroPadding2D', 'padding', 'data_format'),
  Cropping2D: same('Cropping2D', 'cropping', 'data_format'),
  // TensorFlow.js has other interpolations, but computes them from the corners of pixels.
  UpSampling2D: only({ interpolation: 'nearest' }, same('UpSampling2D', 'size', 'data_format')),
  Resizing: only(
    { interpolation: 'nearest', crop_to_aspect_ratio: false, pad_to_aspect_ratio: false },
    enlargement,
  ),
  Activation: ({ config, generation }) => ({
    type: 'Activation',
    config: { activation: activationName(config.activation, generation) },
  }),
  ReLU: (given) => {
    const { max_value: max = null, negative_slope: slope, threshold } = given.config;
    if (slope) return only({ max_value: null, threshold: 0 }, leakyRelu(slope))(given);
    if (threshold) throw new TfjsUnsupportedError(`threshold ${JSON.stringify(threshold)}`);
    return { type: 'ReLU', config: { max_value: max } };
  },
  LeakyReLU: (given) => leakyRelu(given.config.negative_slope ?? given.config.alpha)(given),
  PReLU: same('PReLU', 'shared_axes'),
  ELU: only({ alpha: 1 }, same('ELU')),
  ThresholdedReLU: same('ThresholdedReLU', 'theta'),
  Softmax: onLastAxis(() => ({ type: 'Softmax', config: { axis: -1 } })),
  Dropout: same('Dropout', 'rate', 'noise_shape'),
  SpatialDropout1D: same('SpatialDropout1D', 'rate'),
  SpatialDropout2D: ({ config }) => {
    const noise = config.data_format === 'channels_first' ? [null, null, 1, 1] : [null, 1, 1, null];
    return { type: 'Dropout', config: { rate: config.rate, noise_shape: noise } };
  },
  GaussianDropout: same('GaussianDropout', 'rate'),
  GaussianNoise: same('GaussianNoise', 'stddev'),
  AlphaDropout: same('AlphaDropout', 'rate'),
  Identity: IDENTITY,
  ActivityRegularization: IDENTITY,
  Rescaling: same('Rescaling', 'scale', 'offset'),
  Add: same('Add'),
  Multiply: same('Multiply'),
  Average: same('Average'),
  Maximum: same('Maximum'),
  Minimum: same('Minimum'),
  Concatenate: same('Concatenate', 'axis'),
  RepeatVector: same('RepeatVector', 'n'),
};

/** Alternative names of layer classes. */
const ALIASES: Readonly<Record<string, string>> = {
  Convolution2D: 'Conv2D',
  SeparableConvolution2D: 'SeparableConv2D',
  BatchNormalizationV1: 'BatchNormalization',
  SyncBatchNormalization: 'BatchNormalization',
  MaxPool2D: 'MaxPooling2D',
  AvgPool2D: 'AveragePooling2D',
  GlobalAvgPool2D: 'GlobalAveragePooling2D',
  GlobalMaxPool2D: 'GlobalMaxPooling2D',
  GlobalAvgPool1D: 'GlobalAveragePooling1D',
};

/** Augmentation layers that also change images outside of training. */
const ALWAYS: ReadonlySet<string> = new Set(['AutoContrast', 'Equalization']);

/** Returns the conversion of a layer class; undefined if there is none. */
export function layerConversion(type: string): Convert | undefined {
  const isForTraining = AUGMENTATIONS.includes(type) && !ALWAYS.has(type);
  return isForTraining ? IDENTITY : CONVERSIONS[ALIASES[type] ?? type];
}

/** Converts resizing to whole multiples of the size: every pixel is repeated. */
function enlargement({ config, placed }: Given): Converted {
  const isFirst = config.data_format === 'channels_first';
  const sides = (size: Size | null | undefined) => (isFirst ? size?.slice(1) : size?.slice(0, 2)) ?? [];
  const [from, to] = [sides(placed.inputs[0]), sides(placed.size)];
  const by = to.map((length, axis) => (length ?? Number.NaN) / (from[axis] ?? Number.NaN));
  if (!by.every((factor) => Number.isInteger(factor) && factor > 0)) {
    throw new TfjsUnsupportedError('resizing other than to whole multiples');
  }
  return { type: 'UpSampling2D', config: { size: by, data_format: config.data_format ?? 'channels_last' } };
}

/** Converts a mean and a variance for each channel into a scale and an offset. */
function normalization({ config, placed }: Given): Converted {
  const rank = placed.inputs[0]?.length ?? 0;
  const [axis, ...others] = [config.axis ?? []].flat();
  const [means, variances] = [config.mean, config.variance].map((values) => [values].flat(2));
  const isOne = axis === undefined && means?.length === 1;
  const isLast = others.length === 0 && (axis === -1 || axis === rank);
  if (!(isOne || isLast) || config.invert || !areNumbers(means) || !areNumbers(variances)) {
    throw new TfjsUnsupportedError('normalisation other than of the last axis');
  }
  const scale = variances.map((variance) => 1 / Math.sqrt(variance));
  return rescaling(
    scale,
    means.map((mean, k) => -mean * scale[k]!),
  );
}

function areNumbers(values: readonly unknown[] | undefined): values is number[] {
  return values?.every((value) => typeof value === 'number') ?? false;
}

function leakyRelu(slope: unknown): Convert {
  return () => ({ type: 'LeakyReLU', config: { alpha: slope } });
}

/**
 * Converts a global pool that keeps its dimensions. TensorFlow.js has none, but a pool of the input's size does the
 * same.
 */
function globalPool(type: string, pool: string): Convert {
  return (given) => {
    const { config, placed } = given;
    if (!config.keepdims) return same(type, 'data_format')(given);
    const size = placed.inputs[0] ?? [];
    const sides = config.data_format === 'channels_first' ? size.slice(1) : size.slice(0, 2);
    if (sides.length < 2 || sides.includes(null)) {
      throw new TfjsUnsupportedError('keepdims without an input shape that gives height and width');
    }
    const window = { pool_size: sides, strides: [1, 1], padding: 'valid' };
    return { type: pool, config: { ...window, data_format: config.data_format ?? 'channels_last' } };
  };
}
