import { elements, type TiledTensor } from './tensor.js';

/** A change of a tensor's layout. */
export interface Arrangement {
  /** The tensor's shape, with an axis divided (such as [h·d, e] into [h, d, e]) or axes of length 1 removed. */
  readonly view: readonly number[];
  /** The view's axes in their new order. */
  readonly axes: readonly number[];
}

/**
 * Returns the same entries in another layout. A tiled tensor stays tiled, with its block in the new layout. Only if an
 * axis is divided so that neither the parts nor the period is a multiple of the other is the block repeated first.
 */
export function arrange(tensor: TiledTensor, { view, axes }: Arrangement): TiledTensor {
  const { blockShape, block } = divideAxes(tensor, view);
  return {
    name: tensor.name,
    shape: axes.map((axis) => view[axis]!),
    blockShape: axes.map((axis) => blockShape[axis]!),
    block: permute(block, blockShape, axes),
  };
}

/** Returns the tensor's block in the view's shape. */
function divideAxes(
  { shape, blockShape, block }: TiledTensor,
  view: readonly number[],
): { blockShape: number[]; block: Float32Array } {
  const divided: number[] = [];
  let whole = { blockShape, block };
  let at = 0;
  shape.forEach((size, axis) => {
    const parts: number[] = [];
    for (let product = 1; at < view.length && product < size; at++) {
      parts.push(view[at]!);
      product *= view[at]!;
    }
    // A view keeps axes of length 1, or leaves them out.
    if (size === 1 && view[at] === 1) parts.push(view[at++]!);
    const periods = dividePeriod(blockShape[axis]!, parts);
    if (!periods) whole = repeat(whole, axis, size);
    divided.push(...(periods ?? parts));
  });
  // The remaining axes of the view have length 1.
  divided.push(...view.slice(at));
  return { blockShape: divided, block: whole.block };
}

/** Returns the periods along an axis's parts, outermost first; null if the block is not periodic along the parts. */
function dividePeriod(period: number, parts: readonly number[]): number[] | null {
  const [, ...inner] = parts;
  const periods: number[] = [];
  let rest = period;
  for (const part of inner.reverse()) {
    if (rest % part !== 0 && part % rest !== 0) return null;
    const own = Math.min(rest, part);
    periods.unshift(own);
    rest /= own;
  }
  return parts.length === 0 ? [] : [rest, ...periods];
}

/** Repeats the block along an axis, up to the axis's full length. */
function repeat(
  { blockShape, block }: Pick<TiledTensor, 'blockShape' | 'block'>,
  axis: number,
  size: number,
): Pick<TiledTensor, 'blockShape' | 'block'> {
  const inner = elements(blockShape.slice(axis + 1));
  const period = blockShape[axis]! * inner;
  const repeated = new Float32Array((block.length / period) * size * inner);
  for (let from = 0, to = 0; from < block.length; from += period, to += size * inner) {
    for (let done = 0; done < size * inner; done += period) {
      const length = Math.min(period, size * inner - done);
      repeated.set(block.subarray(from, from + length), to + done);
    }
  }
  return { blockShape: blockShape.with(axis, size), block: repeated };
}

/** Returns the entries of an array with its axes in another order. */
function permute(values: Float32Array, shape: readonly number[], axes: readonly number[]): Float32Array {
  if (axes.every((axis, index) => axis === index)) return values;
  const strides = shape.map((_, axis) => elements(shape.slice(axis + 1)));
  const sizes = axes.map((axis) => shape[axis]!);
  const steps = axes.map((axis) => strides[axis]!);
  const permuted = new Float32Array(values.length);
  const last = sizes.length - 1;
  let at = 0;
  const fill = (axis: number, from: number): void => {
    const [size, step] = [sizes[axis]!, steps[axis]!];
    for (let index = 0; index < size; index++) {
      if (axis < last) fill(axis + 1, from + index * step);
      else permuted[at++] = values[from + index * step]!;
    }
  };
  fill(0, 0);
  return permuted;
}
