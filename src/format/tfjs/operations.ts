import { isObject } from '../../architecture/json.js';
import { functionOf } from '../../architecture/keras/operations/index.js';
import { activationName } from './activations.js';
import {
  type Config,
  type Convert,
  constantsOf,
  type Given,
  IDENTITY,
  onLastAxis,
  only,
  rescaling,
  reshape,
  same,
} from './conversion.js';
import { TfjsUnsupportedError } from './errors.js';

/** A number, or one number for each entry of the last axis: the possible factors in x · scale + offset. */
type Factor = number | readonly number[];

/**
 * Converts an operation with two operands: for two tensors a layer that merges them, for a tensor and numbers x · scale
 * + offset.
 */
function arithmetic(
  join: string | null,
  rescale: (factor: Factor, isFirst: boolean) => readonly [scale: Factor, offset: Factor] | null,
): Convert {
  return (given) => {
    const { placed } = given;
    const constants = constantsOf(placed);
    const tensors = placed.call.references.length;
    if (tensors === 2 && join !== null) return { type: join, config: {} };
    const [operand, ...others] = constants.flatMap(({ name, value }, index) => {
      const factor = factorOf(value);
      return factor === null ? [] : [{ factor, isFirst: name === null && index === 0 && isBefore(given) }];
    });
    const [scale, offset] = (operand && rescale(operand.factor, operand.isFirst)) ?? [];
    if (tensors !== 1 || others.length > 0 || scale === undefined || !keepsSize(given, operand!.factor)) {
      throw new TfjsUnsupportedError(
        'such arithmetic (only sums and products of tensors, and numbers, also one a channel)',
      );
    }
    return rescaling(scale, offset);
  };
}

/** Returns true if the operand that is not a tensor comes first. */
function isBefore({ placed }: Given): boolean {
  return placed.call.arguments[0]?.references.length === 0;
}

/**
 * Returns true if an operand leaves the tensor's size unchanged: it is a number, or has one number for each entry of
 * the last axis.
 */
function keepsSize({ placed }: Given, factor: Factor): boolean {
  return typeof factor === 'number' || factor.length === placed.inputs[0]?.at(-1);
}

function factorOf(value: unknown): Factor | null {
  let item = isObject(value) && isObject(value.config) ? value.config.value : value;
  while (Array.isArray(item) && item.length === 1) item = (item as unknown[])[0];
  if (typeof item === 'number') return item;
  return Array.isArray(item) && item.every((entry) => typeof entry === 'number') ? (item as number[]) : null;
}

const each = (factor: Factor, change: (n: number) => number): Factor =>
  typeof factor === 'number' ? change(factor) : factor.map(change);

const add = arithmetic('Add', (factor) => [1, factor]);
const multiply = arithmetic('Multiply', (factor) => [factor, 0]);
const subtract = arithmetic(null, (factor, isFirst) =>
  isFirst ? [-1, factor] : [1, each(factor, (n) => -n)],
);
const divide = arithmetic(null, (factor, isFirst) => (isFirst ? null : [each(factor, (n) => 1 / n), 0]));
const negative: Convert = () => rescaling(-1, 0);

function activation(name: string): Convert {
  return ({ generation }) => ({
    type: 'Activation',
    config: { activation: activationName(name, generation) },
  });
}

/** Converts to a layer for two tensors. TensorFlow.js has none for a tensor and a number. */
function pairwise(type: string): Convert {
  return ({ placed }) => {
    if (placed.call.references.length < 2)
      throw new TfjsUnsupportedError(`${type.toLowerCase()} with a number`);
    return { type, config: {} };
  };
}

/** Converts a mean over the whole image, which may keep the dimensions. */
const mean: Convert = (given) => {
  const { placed, config } = given;
  const constant = (key: string) => constantsOf(placed).find(({ name }) => name === key)?.value;
  const axes = [config.axis ?? constant('axis')].flat();
  const rank = placed.inputs[0]?.length ?? 0;
  const at = new Set(axes.map((axis) => (typeof axis === 'number' && axis < 0 ? axis + rank + 1 : axis)));
  const isImage = rank === 3 && at.size === 2 && at.has(1) && at.has(2);
  const keeps = config.keepdims ?? constant('keepdims');
  if (isImage && !keeps) return { type: 'GlobalAveragePooling2D', config: { data_format: 'channels_last' } };
  throw new TfjsUnsupportedError('means other than of an image’s height and width');
};

const transpose: Convert = ({ config, placed }) => {
  const [constant] = constantsOf(placed).filter(({ name }) => name === 'perm');
  const axes: unknown = config.axes ?? constant?.value;
  if (!Array.isArray(axes) || axes[0] !== 0) throw new TfjsUnsupportedError('transposing with the batch');
  return { type: 'Permute', config: { dims: axes.slice(1) } };
};

/** Conversions of Keras 3 operations, by class. */
export const OPERATIONS: Readonly<Record<string, Convert>> = {
  Add: add,
  Subtract: subtract,
  Multiply: multiply,
  TrueDivide: divide,
  Divide: divide,
  Negative: negative,
  Maximum: pairwise('Maximum'),
  Minimum: pairwise('Minimum'),
  Concatenate: same('Concatenate', 'axis'),
  Mean: mean,
  Reshape: reshape,
  Squeeze: reshape,
  ExpandDims: reshape,
  Transpose: transpose,
  Softmax: onLastAxis(() => ({ type: 'Softmax', config: { axis: -1 } })),
  LogSoftmax: onLastAxis(activation('log_softmax')),
  Cast: ({ config }) => {
    if (!/^float(16|32|64)$|^bfloat16$/.test(String(config.dtype))) {
      throw new TfjsUnsupportedError(`numbers of type ${JSON.stringify(config.dtype)}`);
    }
    return IDENTITY();
  },
  StopGradient: IDENTITY,
  Identity: IDENTITY,
  Relu: activation('relu'),
  Relu6: activation('relu6'),
  Sigmoid: activation('sigmoid'),
  Silu: activation('silu'),
  Elu: only({ alpha: 1 }, activation('elu')),
  Selu: activation('selu'),
  Gelu: only({ approximate: false }, activation('gelu')),
  LeakyRelu: ({ config }) => ({ type: 'LeakyReLU', config: { alpha: config.negative_slope ?? 0.2 } }),
  Softplus: activation('softplus'),
  Softsign: activation('softsign'),
  Tanh: activation('tanh'),
};

/** Conversions of TensorFlow functions, by the names that Keras 2 records. */
export const FUNCTIONS: Readonly<Record<string, Convert>> = {
  '__operators__.add': add,
  'math.add': add,
  'math.subtract': subtract,
  'math.multiply': multiply,
  'math.truediv': divide,
  'math.negative': negative,
  'math.maximum': pairwise('Maximum'),
  'math.minimum': pairwise('Minimum'),
  'math.reduce_mean': mean,
  'nn.bias_add': add,
  reshape,
  'compat.v1.squeeze': reshape,
  expand_dims: reshape,
  'compat.v1.transpose': transpose,
  stop_gradient: IDENTITY,
  identity: IDENTITY,
  'math.sigmoid': activation('sigmoid'),
  'math.tanh': activation('tanh'),
  'nn.relu': activation('relu'),
  'nn.relu6': activation('relu6'),
  'nn.silu': activation('silu'),
  'nn.elu': activation('elu'),
  'nn.selu': activation('selu'),
};

/** Returns the conversion of an operation; undefined if there is none. */
export function operationConversion(type: string, config: Config): Convert | undefined {
  const name = functionOf(config);
  return name === '' ? OPERATIONS[type] : FUNCTIONS[name];
}
