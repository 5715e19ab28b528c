import { isObject } from '../json.js';

/**
 * The layers that functions of TensorFlow come to which Keras 2 has as layers, TFOpLambda; those with a number for their
 * other argument have one input.
 */
const FUNCTIONS: ReadonlyMap<unknown, string> = new Map([
  ['__operators__.add', 'Add'],
  ['math.add', 'Add'],
  ['math.subtract', 'Subtract'],
  ['math.multiply', 'Multiply'],
  ['math.sigmoid', 'Activation'],
  ['math.tanh', 'Activation'],
  ['nn.relu', 'Activation'],
  ['nn.relu6', 'Activation'],
  ['nn.silu', 'Activation'],
  ['nn.swish', 'Activation'],
  ['nn.gelu', 'Activation'],
  ['nn.softmax', 'Activation'],
]);

/** The operations of Keras 3 that are in its models beside layers, other than those that are called as layers are. */
const OPERATIONS: ReadonlyMap<string, string> = new Map(
  [
    'Relu',
    'Relu6',
    'Sigmoid',
    'Silu',
    'HardSigmoid',
    'HardSilu',
    'Elu',
    'Selu',
    'Gelu',
    'LeakyRelu',
    'Mish',
    'Softplus',
    'Tanh',
  ].map((name) => [name, 'Activation']),
);

/** The class of the layer that does the same as an operation; that of a layer itself. */
export function layerClass(type: string, config: unknown): string {
  if (type === 'TFOpLambda') return FUNCTIONS.get(isObject(config) ? config.function : null) ?? type;
  return OPERATIONS.get(type) ?? type;
}
