import type { StateDictEntry } from '../architecture.js';

/**
 * One of a Keras layer's weights: as the GHN predicts it, which is PyTorch's way, and as Keras has it. Keras' tensor is
 * PyTorch's, seen as `view` (an axis of it may be divided, as [h·d, e] is into [h, d, e]), with its axes in the order
 * `axes`.
 */
export interface Variable {
  /** Keras' path of it, `conv2d/kernel`. */
  readonly path: string;
  /** PyTorch's name, `conv2d.weight`, and shape. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: StateDictEntry['kind'];
  readonly view: readonly number[];
  readonly axes: readonly number[];
}

/** PyTorch's words for Keras' in the names of tensors; kernels of any kind are weights. */
const PYTORCH_NAMES: Readonly<Record<string, string>> = {
  kernel: 'weight',
  depthwise_kernel: 'depthwise.weight',
  pointwise_kernel: 'pointwise.weight',
  gamma: 'weight',
  beta: 'bias',
  moving_mean: 'running_mean',
  moving_variance: 'running_var',
};

/** The PyTorch name of a layer's weight, `query/kernel` of `mha` for instance: `mha.query.weight`. */
export function pytorchName(layer: readonly string[], weight: string): string {
  const modules = weight.split('/');
  const last = modules.pop()!;
  return [...layer, ...modules, PYTORCH_NAMES[last] ?? last].join('.');
}

/** A layout by which PyTorch's shape is Keras' shape too. */
export function unchanged(shape: readonly number[]): Pick<Variable, 'view' | 'axes'> {
  return { view: shape, axes: shape.map((_, axis) => axis) };
}

/** The shape of a variable in Keras. */
export function kerasShape({ view, axes }: Pick<Variable, 'view' | 'axes'>): number[] {
  return axes.map((axis) => view[axis]!);
}
