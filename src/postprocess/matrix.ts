import { elements, type TiledTensor } from '../tensor/tensor.js';
import { transpose } from '../tensor/transpose.js';
import type { Products } from './products.js';

/**
 * A weight in the form for post-processing (docs/ghn.md, section 7): the transpose of the tall matrix M, row-major, so
 * that each column of M, which becomes orthonormal, is contiguous. It is the block, repeated along both dimensions and
 * cut.
 */
export interface TiledMatrix {
  /** Number of M's columns. */
  readonly rows: number;
  /** Number of M's rows, which is at least the number of its columns. */
  readonly columns: number;
  readonly blockRows: number;
  readonly blockColumns: number;
  readonly block: Float32Array;
  /** True if this is the transpose of the tensor viewed as [o, rest]. */
  readonly transposed: boolean;
}

/** Converts a weight of two or more dimensions into a matrix. */
export function toMatrix(tensor: TiledTensor): TiledMatrix {
  const { shape, blockShape, block } = wholeKernels(tensor);
  const [outputs] = shape;
  const [blockOutputs] = blockShape;
  const rest = elements(shape.slice(1));
  const blockRest = elements(blockShape.slice(1));
  if (outputs < rest) {
    return {
      rows: outputs,
      columns: rest,
      blockRows: blockOutputs,
      blockColumns: blockRest,
      block,
      transposed: false,
    };
  }
  return {
    rows: rest,
    columns: outputs,
    blockRows: blockRest,
    blockColumns: blockOutputs,
    block: transpose(block, blockOutputs, blockRest),
    transposed: true,
  };
}

/** Returns the values of a matrix in the layout of its tensor. If it is transposed, they are in a new array. */
export async function toTensorLayout(
  values: Float32Array,
  { rows, columns, transposed }: TiledMatrix,
  products: Products,
): Promise<Float32Array> {
  if (!transposed) return values;
  const data = new Float32Array(values.length);
  await products.transpose({ data: values, rows, columns }, { data, rows: columns, columns: rows });
  return data;
}

/** Returns the same tensor with a block that is repeated only along outputs and inputs. */
function wholeKernels(tensor: TiledTensor): TiledTensor {
  const { shape, blockShape, block } = tensor;
  let source = [0];
  for (let axis = 2; axis < shape.length; axis++) {
    const places = Array.from({ length: shape[axis] }, (_, place) => place % blockShape[axis]);
    source = source.flatMap((index) => places.map((place) => index * blockShape[axis] + place));
  }
  const blockKernel = elements(blockShape.slice(2));
  if (source.length === blockKernel) return tensor;
  const kernels = block.length / blockKernel;
  const whole = new Float32Array(kernels * source.length);
  for (let k = 0; k < kernels; k++) {
    for (let i = 0; i < source.length; i++) whole[k * source.length + i] = block[k * blockKernel + source[i]];
  }
  return { ...tensor, blockShape: [...blockShape.slice(0, 2), ...shape.slice(2)], block: whole };
}
