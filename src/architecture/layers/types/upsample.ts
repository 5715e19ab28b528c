import { z } from 'zod';
import { flag, pair, positivePair } from '../arguments.js';
import { imageSize } from '../expect.js';
import { layerSchema, layerType } from '../layer-type.js';
import type { Dimension } from '../size.js';

const factor = z.number().positive();

const schema = layerSchema('Upsample', {
  size: positivePair.optional(),
  scale_factor: z
    .union([factor, z.tuple([factor, factor])], 'must be a positive number, or two, [height, width]')
    .optional(),
  mode: z.enum(['nearest', 'nearest-exact', 'bilinear', 'bicubic']).optional(),
  align_corners: flag.optional(),
});

/** Changes the size and is not a node. */
export const upsample = layerType(schema, (layer, place) => {
  const { label, input, fault } = place;
  const size = imageSize(input, null, null, place);
  const given = [layer.size, layer.scale_factor].filter((value) => value !== undefined);
  if (given.length !== 1) fault(null, `${label} takes either a size or a scale_factor`);
  const scale = pair(layer.scale_factor ?? 1);
  const sides = layer.size
    ? pair(layer.size)
    : ([0, 1] as const).map((axis) => scaled(size[axis + 1], scale[axis]));
  return { node: input.node, size: [size[0]!, ...sides] };
});

function scaled(length: Dimension | undefined, by: number): Dimension {
  return length === null || length === undefined ? null : Math.floor(length * by);
}
