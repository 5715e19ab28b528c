import fc from 'fast-check';
import { elements, type TensorSource, type TiledTensor, tensorSource } from '../../src/tensor/tensor.js';

/** Random tensors of any shape, tiled along any axes, with values of all kinds. */
export const tiledTensors = ({ maxSize = 7 } = {}): fc.Arbitrary<TiledTensor> =>
  fc
    .array(
      fc
        .integer({ min: 1, max: maxSize })
        .chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 1, max: size }))),
      { minLength: 1, maxLength: 4 },
    )
    .chain((axes) => {
      const shape = axes.map(([size]) => size);
      const blockShape = axes.map(([, period]) => period);
      const length = elements(blockShape);
      return fc
        .float32Array({ minLength: length, maxLength: length })
        .map((block) => ({ name: 'layer.weight', shape, blockShape, block }));
    });

/** Returns a tensor with these values, tiled or not. */
export function tensorOf(
  name: string,
  shape: readonly number[],
  blockShape: readonly number[] = shape,
  value: (index: number) => number = (index) => index + 1,
): TiledTensor {
  return {
    name,
    shape,
    blockShape,
    block: Float32Array.from({ length: elements(blockShape) }, (_, k) => value(k)),
  };
}

/** Returns the whole tensor's values, row-major, entry by entry, by the definition in the spec. */
export function expand({ shape, blockShape, block }: TiledTensor): Float32Array {
  return Float32Array.from({ length: elements(shape) }, (_, flat) => {
    let rest = flat;
    let place = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += ((rest % shape[axis]) % blockShape[axis]) * stride;
      rest = Math.floor(rest / shape[axis]);
      stride *= blockShape[axis];
    }
    return block[place];
  });
}

/** Returns a source that answers later, and counts the entries that are read. */
export function storedSource(tensor: TiledTensor): TensorSource & { entriesRead: () => number } {
  const source = tensorSource(tensor);
  let count = 0;
  return {
    ...source,
    entriesRead: () => count,
    readBlock: async (start, end) => {
      count += end - start;
      await null;
      return source.readBlock(start, end);
    },
  };
}
