import { DTYPES, type Dtype } from '../tensor/dtype.js';
import type { TensorSource } from '../tensor/tensor.js';
import type { FileFormat } from './format.js';
import type { Layout } from './layout.js';
import { safetensors } from './safetensors.js';

/**
 * Writes a safetensors file with only the block of each tensor. `__metadata__.shapes` is JSON, an object from name to
 * the tensor's shape. A tensor is its block, repeated along every dimension in which the block is smaller, and cut to
 * the shape.
 */
export function tiled(
  tensors: readonly TensorSource[],
  dtype: Dtype,
  metadata: Readonly<Record<string, string>>,
): Layout {
  const shapes = Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]));
  return safetensors(tensors.map(blockAlone), dtype, { ...metadata, shapes: JSON.stringify(shapes) });
}

function blockAlone(tensor: TensorSource): TensorSource {
  return {
    name: tensor.name,
    shape: tensor.blockShape,
    blockShape: tensor.blockShape,
    readBlock: (start, end) => tensor.readBlock(start, end),
  };
}

/**
 * A safetensors file of blocks: a few MB for tensors of hundreds of MB. Post-processed weights have no smaller block.
 */
export const TILED = {
  name: 'tiled',
  ending: 'safetensors',
  dtypes: DTYPES,
  holdsParts: false,
  holdsPostprocessed: false,
  write: tiled,
} as const satisfies FileFormat;
