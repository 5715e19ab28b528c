import { isObject } from '../../architecture/json.js';
import type { Generation } from '../../architecture/keras/layer.js';
import { TfjsUnsupportedError } from './errors.js';

/** TensorFlow.js' names of the activations that it computes as Keras does. */
const ACTIVATIONS: ReadonlyMap<string, string> = new Map([
  ...[
    'linear',
    'relu',
    'relu6',
    'elu',
    'selu',
    'sigmoid',
    'tanh',
    'softplus',
    'softsign',
    'softmax',
    'mish',
    'gelu',
  ].map((name): [string, string] => [name, name]),
  ['log_softmax', 'logSoftmax'],
  ['silu', 'swish'],
  ['swish', 'swish'],
]);

/** Returns the name of an activation in TensorFlow.js. */
export function activationName(given: unknown, generation: Generation): string {
  const name = nameOf(given);
  const known = ACTIVATIONS.get(name);
  if (known !== undefined) return known;
  // In Keras 3, this function has another slope.
  if (name === 'hard_sigmoid' && generation === 2) return 'hardSigmoid';
  throw new TfjsUnsupportedError(`activation ${JSON.stringify(name)}`);
}

/**
 * Returns the name of an activation, which Keras writes as a name or as an object that describes a function or a layer.
 */
function nameOf(given: unknown): string {
  if (given === null || given === undefined) return 'linear';
  if (typeof given === 'string') return given;
  if (isObject(given) && typeof given.config === 'string') return given.config;
  if (isObject(given) && typeof given.class_name === 'string') return given.class_name.toLowerCase();
  return String(given);
}
