import { isObject } from '../../json.js';
import type { KerasLayer } from '../layer.js';
import type { ModelLayer } from '../model.js';
import { anyOperation, KERAS3_OPERATIONS } from './keras3.js';
import { TENSORFLOW_FUNCTIONS } from './tensorflow.js';

type Called = Pick<ModelLayer, 'type' | 'module' | 'config'>;

/** The classes in which Keras 2 puts a function of TensorFlow that is used in a model. */
const FUNCTION_LAYERS: ReadonlySet<string> = new Set(['TFOpLambda', 'SlicingOpLambda']);

/** Keras 3's operations are in modules of their own: the operation Average is another than the layer Average. */
const OPERATIONS_MODULE = /^keras\.(?:src\.)?ops\b/;

/** The operations' module was not written by all versions: then it is told by a name that no layer has. */
export function isOperation({ type, module }: Called): boolean {
  return module !== null && OPERATIONS_MODULE.test(module) ? true : FUNCTION_LAYERS.has(type);
}

/** The node, if any, and the size that an operation gives. */
export function operationType({ type, config }: Called): KerasLayer {
  const known = FUNCTION_LAYERS.has(type)
    ? TENSORFLOW_FUNCTIONS.get(functionOf(config))
    : KERAS3_OPERATIONS.get(type);
  return known ?? anyOperation;
}

/** The function of TensorFlow's that a layer of Keras 2 calls, `math.truediv`. */
export function functionOf(config: unknown): string {
  return isObject(config) && typeof config.function === 'string' ? config.function : '';
}
