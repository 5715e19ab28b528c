import type { TensorSource } from '../tensor/tensor.js';

type Tiling = Pick<TensorSource, 'shape' | 'blockShape'>;

/** Neighbouring entries of a block that the tensor repeats equally often. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly multiplicity: number;
}

/** Returns the number of times that each entry of a block of `period` is repeated along `size`. */
export function repetitions(size: number, period: number): Float64Array {
  return Float64Array.from({ length: period }, (_, index) => Math.ceil((size - index) / period));
}

/** Splits the block into runs, in order: one run if the length of every axis is a multiple of the block's. */
export function multiplicityRuns({ shape, blockShape }: Tiling): Run[] {
  let inner: Run[] = [{ start: 0, end: 1, multiplicity: 1 }];
  let length = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const stride = length;
    const period = blockShape[axis];
    const more = shape[axis] % period;
    const often = Math.floor(shape[axis] / period);
    length *= period;
    if (inner.length === 1) {
      const [{ multiplicity }] = inner;
      const border = more * stride;
      inner = [
        { start: 0, end: border, multiplicity: multiplicity * (often + 1) },
        { start: border, end: length, multiplicity: multiplicity * often },
      ].filter(({ start, end }) => start < end);
    } else {
      const entry = inner;
      inner = Array.from({ length: period }, (_, index) =>
        entry.map(({ start, end, multiplicity }) => ({
          start: start + index * stride,
          end: end + index * stride,
          multiplicity: multiplicity * (index < more ? often + 1 : often),
        })),
      ).flat();
    }
  }
  return inner;
}

/**
 * Returns the number of times that each entry of the block's last axes, merged into one, is repeated along the
 * tensor's; 1 if there are no axes.
 */
export function axesRepetitions({ shape, blockShape }: Tiling): Float64Array {
  let counts: Float64Array = new Float64Array([1]);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const own = repetitions(shape[axis], blockShape[axis]);
    const inner = counts;
    counts = new Float64Array(own.length * inner.length);
    own.forEach((count, index) => {
      for (let k = 0; k < inner.length; k++) counts[index * inner.length + k] = count * inner[k];
    });
  }
  return counts;
}
