import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrange } from '../../src/tensor/arrange.js';
import { elements, type TiledTensor } from '../../src/tensor/tensor.js';
import { expand, tensorOf, tiledTensors } from './arbitrary.js';

/** Returns the entries of an array with its axes in another order, entry by entry. */
function permuted(values: Float32Array, view: readonly number[], axes: readonly number[]): Float32Array {
  const shape = axes.map((axis) => view[axis]!);
  const strides = view.map((_, axis) => elements(view.slice(axis + 1)));
  return Float32Array.from({ length: values.length }, (_, flat) => {
    let rest = flat;
    let place = 0;
    for (let k = axes.length - 1; k >= 0; k--) {
      place += (rest % shape[k]!) * strides[axes[k]!]!;
      rest = Math.floor(rest / shape[k]!);
    }
    return values[place]!;
  });
}

const orders = (rank: number) => {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return fc.shuffledSubarray(axes, { minLength: rank, maxLength: rank });
};

/** Random tensors with an axis that the view divides in two. */
const divided = fc
  .record({
    parts: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })),
    other: fc.integer({ min: 1, max: 5 }),
    period: fc.nat(100),
    isFirst: fc.boolean(),
  })
  .map(({ parts: [outer, inner], other, period, isFirst }) => {
    const size = outer * inner;
    const block = 1 + (period % size);
    const shape = isFirst ? [size, other] : [other, size];
    const tensor = tensorOf('w', shape, isFirst ? [block, other] : [other, block]);
    return { tensor, view: isFirst ? [outer, inner, other] : [other, outer, inner] };
  });

describe('a tensor in another layout', () => {
  it('has the same entries in another order of axes, with any tiling', () => {
    const cases = tiledTensors().chain((tensor) =>
      fc.tuple(fc.constant(tensor), orders(tensor.shape.length)),
    );
    fc.assert(
      fc.property(cases, ([tensor, axes]) => {
        const { shape } = tensor;
        const arranged = arrange(tensor, { view: shape, axes });
        expect(arranged.shape).toEqual(axes.map((axis) => shape[axis]));
        expect(arranged.block).toHaveLength(tensor.block.length);
        expect(expand(arranged)).toEqual(permuted(expand(tensor), shape, axes));
      }),
    );
  });

  it('has the same entries if an axis is divided, with any period', () => {
    fc.assert(
      fc.property(divided, orders(3), ({ tensor, view }, axes) => {
        const arranged = arrange(tensor, { view, axes });
        expect(arranged.shape).toEqual(axes.map((axis) => view[axis]));
        expect(expand(arranged)).toEqual(permuted(expand(tensor), view, axes));
      }),
    );
  });

  const blockOf = (tensor: TiledTensor, view: readonly number[]) =>
    arrange(tensor, { view, axes: view.map((_, axis) => axis) }).blockShape;

  it('stays tiled along a divided axis if period and parts are multiples of each other', () => {
    expect(blockOf(tensorOf('heads', [12, 4], [6, 2]), [4, 3, 4])).toEqual([2, 3, 2]);
    expect(blockOf(tensorOf('heads', [12, 4], [2, 2]), [3, 4, 4])).toEqual([1, 2, 2]);
    expect(blockOf(tensorOf('heads', [12, 4], [8, 2]), [4, 3, 4])).toEqual([4, 3, 2]);
  });

  it('drops axes of length one if the view does, as for a depthwise kernel', () => {
    const kernel = tensorOf('depthwise', [6, 1, 3, 3], [2, 1, 3, 3]);
    const arranged = arrange(kernel, { view: [3, 2, 3, 3], axes: [2, 3, 0, 1] });
    expect(arranged.shape).toEqual([3, 3, 3, 2]);
    expect(expand(arranged)).toEqual(permuted(expand(kernel), [3, 2, 3, 3], [2, 3, 0, 1]));
    const pointwise = tensorOf('depthwise', [4, 1, 1, 1], [4, 1, 1, 1]);
    expect(arrange(pointwise, { view: [4, 1, 1, 1], axes: [2, 3, 0, 1] }).shape).toEqual([1, 1, 4, 1]);
  });
});
