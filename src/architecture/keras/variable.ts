import type { StateDictEntry } from '../architecture.js';

/**
 * One of a Keras layer's weights, in the form that the GHN predicts (PyTorch's) and in Keras' form. The Keras tensor is
 * PyTorch's tensor, reshaped to `view` (which may divide an axis, such as [h·d, e] into [h, d, e]), with its axes in
 * the order `axes`.
 */
export interface Variable {
  /** The weight's path in Keras, such as `conv2d/kernel`. */
  readonly path: string;
  /** The weight's name in PyTorch, such as `conv2d.weight`, and its shape there. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: StateDictEntry['kind'];
  readonly view: readonly number[];
  readonly axes: readonly number[];
}

/** PyTorch's words for those that Keras uses in the names of tensors. Kernels of any kind are weights. */
const PYTORCH_NAMES: Readonly<Record<string, string>> = {
  kernel: 'weight',
  depthwise_kernel: 'depthwise.weight',
  pointwise_kernel: 'pointwise.weight',
  gamma: 'weight',
  beta: 'bias',
  moving_mean: 'running_mean',
  moving_variance: 'running_var',
};

/** The PyTorch name of a layer's weight, for example `mha.query.weight` for `query/kernel` of `mha`. */
export function pytorchName(layer: readonly string[], weight: string): string {
  const modules = weight.split('/');
  const last = modules.pop()!;
  return [...layer, ...modules, PYTORCH_NAMES[last] ?? last].join('.');
}

/** The layout of a weight that has the same shape in PyTorch and in Keras. */
export function unchanged(shape: readonly number[]): Pick<Variable, 'view' | 'axes'> {
  return { view: shape, axes: shape.map((_, axis) => axis) };
}

/** The shape of a variable in Keras. */
export function kerasShape({ view, axes }: Pick<Variable, 'view' | 'axes'>): number[] {
  return axes.map((axis) => view[axis]!);
}
