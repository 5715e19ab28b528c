import type { TensorSpec } from '../architecture/architecture.js';
import { elements } from '../tensor/tensor.js';

/** A sum of squares of which some values are random. */
export interface SquareSum {
  readonly expected: number;
  readonly variance: number;
}

const constant =
  (value: number) =>
  (count: number): SquareSum => ({ expected: count * value * value, variance: 0 });

/**
 * Returns the sum of squares of numbers drawn from N(0, std²), each repeated `repeats` times. The square of a normal
 * number has variance 2σ⁴.
 */
export function drawnSquares(count: number, std: number, repeats = 1): SquareSum {
  return { expected: count * repeats * std ** 2, variance: count * 2 * (repeats * std ** 2) ** 2 };
}

/**
 * Initial values in torchvision 0.14 of parameters that no GHN predicts, by the last part of their names: ViT's class
 * token, ConvNeXt's layer scales, and Swin's relative position tables (normal, cut off at 2 = 100σ, which has no
 * effect).
 */
const INITIAL: ReadonlyMap<string, (count: number) => SquareSum> = new Map([
  ['class_token', constant(0)],
  ['layer_scale', constant(1e-6)],
  ['relative_position_bias_table', (count) => drawnSquares(count, 0.02)],
]);

/**
 * Returns the sum of squares of a parameter that is not predicted.
 *
 * @throws Error if its initial value is not known
 */
export function initialSquares({ name, shape }: TensorSpec): SquareSum {
  const initial = INITIAL.get(name.slice(name.lastIndexOf('.') + 1));
  if (!initial) throw new Error(`${name} is not predicted, and its initial value is not known`);
  return initial(elements(shape));
}
