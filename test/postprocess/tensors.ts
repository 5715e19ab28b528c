import fc from 'fast-check';
import { randomKey } from '../../src/random/key.js';
import { normals } from '../../src/random/normal.js';
import { elements, type TiledTensor } from '../../src/tensor/tensor.js';

/** Returns a tensor with a block of normal numbers, in the form that a GHN with `channels` channels would predict. */
export function randomTensor(
  name: string,
  shape: readonly number[],
  channels: number,
  seed = 0,
): TiledTensor {
  const blockShape = shape.map((size, axis) => (axis < 2 ? Math.min(size, channels) : size));
  const block = normals(randomKey(seed, name, 'test'), 0, elements(blockShape));
  const scale = Math.sqrt(2 / elements(shape.slice(1)));
  return { name, shape, blockShape, block: block.map((value) => value * scale) };
}

/** Returns the tensor's values, row-major, by the definition of tiling. */
export function expand({ shape, blockShape, block }: TiledTensor): Float32Array {
  return Float32Array.from({ length: elements(shape) }, (_, flat) => {
    let rest = flat;
    let index = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index += ((rest % shape[axis]) % blockShape[axis]) * stride;
      stride *= blockShape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return block[index];
  });
}

/** Returns the rows of M in the spec's section 7: the tensor as [o, rest], transposed if it is wide. */
export function tallMatrix(values: Float32Array, shape: readonly number[]): Float64Array[] {
  const [outputs] = shape;
  const rest = elements(shape.slice(1));
  const at = (o: number, r: number) => values[o * rest + r];
  return outputs < rest
    ? Array.from({ length: rest }, (_, r) => Float64Array.from({ length: outputs }, (_, o) => at(o, r)))
    : Array.from({ length: outputs }, (_, o) => Float64Array.from({ length: rest }, (_, r) => at(o, r)));
}

/** Returns the largest entry of |QᵀQ - I|. */
export function nonOrthogonality(q: readonly Float64Array[]): number {
  const columns = q[0].length;
  let largest = 0;
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j <= i; j++) {
      let dot = i === j ? -1 : 0;
      for (const row of q) dot += row[i] * row[j];
      if (!(Math.abs(dot) <= largest)) largest = Math.abs(dot);
    }
  }
  return largest;
}

/**
 * Returns the largest distance of M's leading columns from the span of the same number of Q's, relative to the length
 * of the largest column.
 */
export function distanceFromSpan(m: readonly Float64Array[], q: readonly Float64Array[]): number {
  const columns = q[0].length;
  let largest = 0;
  let longest = 0;
  for (let j = 0; j < columns; j++) {
    const rest = Float64Array.from(m, (row) => row[j]);
    longest = Math.max(longest, Math.hypot(...rest));
    for (let k = 0; k <= j; k++) {
      const along = rest.reduce((sum, value, i) => sum + value * q[i][k], 0);
      for (let i = 0; i < rest.length; i++) rest[i] -= along * q[i][k];
    }
    largest = Math.max(largest, Math.hypot(...rest));
  }
  return longest === 0 ? 0 : largest / longest;
}

/** Shapes of weights of every kind: tall, wide and square, of one row or column, depthwise, patches, tiled or not. */
export const shapes = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 90 })),
  fc.tuple(
    fc.integer({ min: 1, max: 90 }),
    fc.constant(1),
    fc.constantFrom(1, 3, 7),
    fc.constantFrom(1, 3, 7),
  ),
  fc.tuple(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 40 }),
    fc.constantFrom(1, 2, 3),
    fc.constantFrom(1, 2, 3),
  ),
);
