import { z } from 'zod';
import { shortArray } from '../../schema.js';
import type { Place } from '../layer-type.js';
import { layerSchema, layerType } from '../layer-type.js';
import type { Size } from '../size.js';
import { product, sizeText } from '../size.js';

export const dimension = z.int('must be an integer: a dimension, 0 for the batch, or negative from the end');

/**
 * The position of a PyTorch dimension, which counts the batch, in a size, which has no batch. If there is no such
 * dimension, adds a fault and returns null.
 */
export function position(
  dim: number,
  size: Size,
  key: string,
  { label, input, fault }: Place,
): number | null {
  const index = (dim < 0 ? dim + size.length + 1 : dim) - 1;
  if (index >= 0 && index < size.length) return index;
  const range = `1 to ${size.length} (0 is the batch)`;
  fault(key, `${label} has ${key} ${dim}, but ${input.giver} gives ${sizeText(size)}, dimensions ${range}`);
  return null;
}

const flattenSchema = layerSchema('Flatten', {
  start_dim: dimension.default(1),
  end_dim: dimension.default(-1),
});

export const flatten = layerType(flattenSchema, (layer, place) => {
  const { node, size } = place.input;
  if (size === null) return { node, size: layer.start_dim === 1 && layer.end_dim === -1 ? [null] : null };
  const start = position(layer.start_dim, size, 'start_dim', place);
  const end = position(layer.end_dim, size, 'end_dim', place);
  if (start === null || end === null) return { node, size: null };
  if (start > end) {
    place.fault('start_dim', `${place.label} has a start_dim after its end_dim`);
    return { node, size: null };
  }
  return {
    node,
    size: [...size.slice(0, start), product(size.slice(start, end + 1)), ...size.slice(end + 1)],
  };
});

const permuteSchema = layerSchema('Permute', {
  dims: shortArray(dimension, 2, 5, 'must be 2 to 5 dimensions').meta({
    description: 'The new order of the dimensions, including the batch, which stays first',
    example: [0, 2, 1],
  }),
});

/**
 * Like torchvision's Permute. [0, 2, 1] turns flattened patches, [features, tokens], into tokens, [tokens, features].
 */
export const permute = layerType(permuteSchema, ({ dims }, { label, input, fault }) => {
  const { node, size } = input;
  const isPermutation = dims.toSorted((a, b) => a - b).every((dim, index) => dim === index);
  if (!isPermutation || dims[0] !== 0) {
    fault('dims', `the dims of ${label} must be 0 (the batch) and then 1 to ${dims.length - 1} in any order`);
    return { node, size: null };
  }
  if (size !== null && size.length !== dims.length - 1) {
    fault(
      'dims',
      `${label} permutes ${dims.length - 1} dimensions, but ${input.giver} gives ${sizeText(size)}`,
    );
    return { node, size: null };
  }
  return { node, size: size && dims.slice(1).map((dim) => size[dim - 1]!) };
});

const selectSchema = layerSchema('Select', { dim: dimension, index: z.int() });

/** Like torch.select: one of the entries along a dimension, such as the class token among all tokens. */
export const select = layerType(selectSchema, ({ dim, index }, place) => {
  const { label, input, fault } = place;
  const { node, size } = input;
  const at = size && position(dim, size, 'dim', place);
  if (size === null || at === null) return { node, size: null };
  const length = size[at]!;
  if (length !== null && (index >= length || index < -length)) {
    fault('index', `${label} selects entry ${index} of the ${length} that ${input.giver} gives`);
  }
  return { node, size: size.toSpliced(at, 1) };
});
