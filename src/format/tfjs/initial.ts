import { isObject } from '../../architecture/json.js';
import { kerasShape, type Variable } from '../../architecture/keras/variable.js';
import { randomKey } from '../../random/key.js';
import { normals } from '../../random/normal.js';
import { elements, type TensorSource } from '../../tensor/tensor.js';
import type { TfjsWeight } from './weight.js';

/** Initial values of weights other than kernels, for layers whose config gives none. */
const CONSTANTS: Readonly<Record<string, number>> = {
  bias: 0,
  beta: 0,
  alpha: 0,
  moving_mean: 0,
  gamma: 1,
  moving_variance: 1,
};

/**
 * Returns the initial values of a weight that the GHN did not predict: the constant of its initialiser, or for a kernel
 * Glorot's normal distribution, drawn with the prediction's seed.
 */
export function initialTensor({ name, variable, constant: given }: TfjsWeight, seed: number): TensorSource {
  const shape = kerasShape(variable);
  const constant = given ?? CONSTANTS[weightOf(variable)];
  if (constant !== undefined) {
    const block = Float32Array.of(constant);
    return {
      name,
      shape,
      blockShape: shape.map(() => 1),
      readBlock: (start, end) => block.subarray(start, end),
    };
  }
  const [outputs = 1, inputs = 1, ...kernel] = variable.shape;
  const scale = Math.sqrt(2 / ((outputs + inputs) * elements(kernel)));
  const key = randomKey(seed, name, 'initial');
  return {
    name,
    shape,
    blockShape: shape,
    readBlock: (start, end) => normals(key, start, end - start).map((value) => value * scale),
  };
}

/** Returns the name of a weight within its Keras layer, such as `kernel`. */
const weightOf = ({ path }: Variable): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * Returns the constant initial value of a weight in the config of its Keras layer; undefined if the config gives none.
 */
export function constantOf(config: unknown, variable: Variable): number | undefined {
  const initializer = isObject(config) ? config[`${weightOf(variable)}_initializer`] : undefined;
  const name = isObject(initializer) ? initializer.class_name : initializer;
  if (typeof name !== 'string') return undefined;
  if (/^zeros$/i.test(name)) return 0;
  if (/^ones$/i.test(name)) return 1;
  const value = isObject(initializer) && isObject(initializer.config) ? initializer.config.value : undefined;
  return name === 'Constant' && typeof value === 'number' ? value : undefined;
}
