import { isObject } from '../../architecture/json.js';
import type { Generation } from '../../architecture/keras/layer.js';
import { layerClass } from '../../architecture/keras/operations.js';
import type { PlacedLayer } from '../../architecture/keras/reader.js';
import { activationName } from './activations.js';
import { TfjsUnsupportedError } from './errors.js';

type Config = Readonly<Record<string, unknown>>;

/** A layer as TensorFlow.js reads it, but for its name. */
export interface TfjsLayer {
  readonly type: string;
  readonly config: Config;
  /** Whether it has the weights that Keras' layer has; else it has none. */
  readonly hasWeights: boolean;
}

interface Given {
  readonly config: Config;
  readonly generation: Generation;
  readonly placed: PlacedLayer;
}

/** What TensorFlow.js takes for some of Keras' layers. */
type Convert = (given: Given) => Omit<TfjsLayer, 'hasWeights'>;

/** Keras' layers that do nothing, or nothing that matters when the model runs. */
const IDENTITY = () => ({ type: 'Activation', config: { activation: 'linear' } });

/** A layer that TensorFlow.js has under the same name, with some of its config: it refuses or misreads other keys. */
function same(type: string, ...keys: readonly string[]): Convert {
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
function only(values: Readonly<Record<string, unknown>>, convert: Convert): Convert {
  return (given) => {
    for (const [key, value] of Object.entries(values)) {
      const found = given.config[key] ?? value;
      const isSame = Array.isArray(found) ? found.every((item) => item === value) : found === value;
      if (!isSame) throw new TfjsUnsupportedError(`${key} ${JSON.stringify(found)}`);
    }
    return convert(given);
  };
}

const WINDOW = ['strides', 'padding', 'data_format'];
const CONVOLUTION = [...WINDOW, 'kernel_size', 'dilation_rate', 'use_bias', 'activation'];

const CONVERSIONS: Readonly<Record<string, Convert>> = {
  Conv2D: only({ groups: 1 }, same('Conv2D', 'filters', ...CONVOLUTION)),
  DepthwiseConv2D: only({ dilation_rate: 1 }, same('DepthwiseConv2D', 'depth_multiplier', ...CONVOLUTION)),
  SeparableConv2D: same('SeparableConv2D', 'filters', 'depth_multiplier', ...CONVOLUTION),
  Dense: same('Dense', 'units', 'use_bias', 'activation'),
  BatchNormalization: (given) => {
    const { type, config } = same('BatchNormalization', 'momentum', 'epsilon', 'center', 'scale')(given);
    return { type, config: { ...config, axis: [given.config.axis ?? -1].flat()[0] } };
  },
  LayerNormalization: same('LayerNormalization', 'axis', 'epsilon', 'center', 'scale'),
  // Before it has seen data its mean is 0 and its variance 1.
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
    // TensorFlow.js refuses to flatten what is flat.
    given.placed.inputs[0]?.length === 1 ? IDENTITY() : same('Flatten', 'data_format')(given),
  Reshape: same('Reshape', 'target_shape'),
  Permute: same('Permute', 'dims'),
  ZeroPadding2D: same('ZeroPadding2D', 'padding', 'data_format'),
  Cropping2D: same('Cropping2D', 'cropping', 'data_format'),
  UpSampling2D: same('UpSampling2D', 'size', 'data_format', 'interpolation'),
  Resizing: only({ data_format: 'channels_last' }, same('Resizing', 'height', 'width', 'interpolation')),
  Activation: ({ config, generation, placed }) => ({
    type: 'Activation',
    config: { activation: activationName(activationOf(placed.layer.type, config), generation) },
  }),
  ReLU: (given) => {
    const { max_value: max = null, negative_slope: slope, threshold } = given.config;
    if (slope) return only({ max_value: null, threshold: 0 }, leakyRelu(slope))(given);
    if (threshold) throw new TfjsUnsupportedError(`threshold ${JSON.stringify(threshold)}`);
    return { type: 'ReLU', config: { max_value: max } };
  },
  LeakyReLU: (given) => leakyRelu(given.config.negative_slope ?? given.config.alpha)(given),
  PReLU: same('PReLU', 'shared_axes'),
  ELU: same('ELU', 'alpha'),
  ThresholdedReLU: same('ThresholdedReLU', 'theta'),
  Softmax: same('Softmax', 'axis'),
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
  StochasticDepth: IDENTITY,
  RandomFlip: IDENTITY,
  RandomRotation: IDENTITY,
  RandomZoom: IDENTITY,
  RandomTranslation: IDENTITY,
  RandomContrast: IDENTITY,
  RandomBrightness: IDENTITY,
  Rescaling: same('Rescaling', 'scale', 'offset'),
  Add: joinOr('Add', (number) => ({ scale: 1, offset: number })),
  Multiply: joinOr('Multiply', (number) => ({ scale: number, offset: 0 })),
  Average: same('Average'),
  Concatenate: same('Concatenate', 'axis'),
};

/** Other names of layers. */
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

/**
 * A layer of Keras 2 or 3 as TensorFlow.js' version 4 has it, which is much as Keras 2 had it. Initialisers, regularisers
 * and constraints are left out: the model comes with its weights.
 * @throws TfjsUnsupportedError
 */
export function tfjsLayer(placed: PlacedLayer, generation: Generation): TfjsLayer {
  const { layer } = placed;
  const type = layerClass(layer.type, layer.config);
  const convert = CONVERSIONS[ALIASES[type] ?? type];
  if (!convert) throw new TfjsUnsupportedError('layers of this class');
  const config = isObject(layer.config) ? layer.config : {};
  const converted = convert({ config, generation, placed });
  return { ...converted, hasWeights: layer.type !== 'Normalization' };
}

/** The activation of a layer, of a function of TensorFlow or of an operation of Keras 3. */
function activationOf(type: string, config: Config): unknown {
  if (type === 'Activation') return config.activation;
  if (type === 'TFOpLambda') return String(config.function).split('.').at(-1);
  return type.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
}

/** A mean and a variance for each channel come to a scale and an offset. */
function normalization({ config, placed }: Given): Omit<TfjsLayer, 'hasWeights'> {
  const rank = placed.inputs[0]?.length ?? 0;
  const [axis, ...others] = [config.axis ?? []].flat();
  const [means, variances] = [config.mean, config.variance].map((values) => [values].flat(2));
  const isLast = others.length === 0 && (axis === -1 || axis === rank);
  if (!isLast || config.invert || !areNumbers(means) || !areNumbers(variances)) {
    throw new TfjsUnsupportedError('normalisation other than of the last axis');
  }
  const scale = variances.map((variance) => 1 / Math.sqrt(variance));
  return { type: 'Rescaling', config: { scale, offset: means.map((mean, k) => -mean * scale[k]!) } };
}

function areNumbers(values: readonly unknown[] | undefined): values is number[] {
  return values?.every((value) => typeof value === 'number') ?? false;
}

function leakyRelu(slope: unknown): Convert {
  return () => ({ type: 'LeakyReLU', config: { alpha: slope } });
}

/** TensorFlow.js' global pools do not keep dimensions; a pool of the input's size does. */
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

/** A sum or product of tensors; of a tensor and a number it is a rescaling. */
function joinOr(type: string, rescaling: (number: number) => Config): Convert {
  return (given) => {
    if (given.placed.inputs.length > 1) return same(type)(given);
    const [number] = numbersIn(given.placed.layer.inboundNodes);
    if (number === undefined) throw new TfjsUnsupportedError('other arguments than tensors and numbers');
    return { type: 'Rescaling', config: rescaling(number) };
  };
}

/** The numbers among a call's arguments; those that are in references to tensors, lists with a name, are none. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (Array.isArray(value)) {
    const arguments_ = typeof value[0] === 'string' ? value.slice(3) : value;
    return arguments_.flatMap(numbersIn);
  }
  if (!isObject(value) || value.class_name === '__keras_tensor__') return [];
  return Object.values(value).flatMap(numbersIn);
}
