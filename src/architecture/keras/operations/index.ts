import { isObject } from '../../json.js';
import type { KerasLayer } from '../layer.js';
import type { ModelLayer } from '../model.js';
import { anyOperation, KERAS3_OPERATIONS } from './keras3.js';
import { TENSORFLOW_FUNCTIONS } from './tensorflow.js';

type Called = Pick<ModelLayer, 'type' | 'module' | 'config'>;

/** The classes in which Keras 2 wraps a TensorFlow function that a model calls. */
const FUNCTION_LAYERS: ReadonlySet<string> = new Set(['TFOpLambda', 'SlicingOpLambda']);

/** Keras 3's operations are in separate modules: the operation Average is not the same as the layer Average. */
const OPERATIONS_MODULE = /^keras\.(?:src\.)?ops\b/;

/** Older versions do not write a module. They wrap operations in classes that no layer has. */
export function isOperation({ type, module }: Called): boolean {
  return module !== null && OPERATIONS_MODULE.test(module) ? true : FUNCTION_LAYERS.has(type);
}

/** The type of an operation: its node, if any, and its output size. */
export function operationType({ type, config }: Called): KerasLayer {
  const known = FUNCTION_LAYERS.has(type)
    ? TENSORFLOW_FUNCTIONS.get(functionOf(config))
    : KERAS3_OPERATIONS.get(type);
  return known ?? anyOperation;
}

/** The TensorFlow function that a layer of Keras 2 calls, for example `math.truediv`. */
export function functionOf(config: unknown): string {
  return isObject(config) && typeof config.function === 'string' ? config.function : '';
}
