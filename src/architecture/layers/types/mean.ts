import { z } from 'zod';
import { shortArray } from '../../schema.js';
import { layerSchema, layerType } from '../layer-type.js';
import type { Size } from '../size.js';
import { dimension, position } from './reshape.js';

const DIMENSIONS = 'must be a dimension, or an array of 1 to 3';

const schema = layerSchema('Mean', {
  dim: z.union([dimension, shortArray(dimension, 1, 3, DIMENSIONS)], DIMENSIONS).meta({
    description: 'The dimensions to average over: [2, 3] for an image, 1 for tokens',
  }),
  keepdim: z.boolean().default(false),
});

/** A mean over space or over tokens is a glob_avg, unless its input is a glob_avg. Any other mean is not a node. */
export const mean = layerType(schema, (layer, place) => {
  const { input, network } = place;
  const { size } = input;
  const dims = typeof layer.dim === 'number' ? [layer.dim] : layer.dim;
  const averaged = new Set(size && dims.map((dim) => position(dim, size, 'dim', place)));
  const isPool = network.op(input.node) !== 'glob_avg' && (size === null || isSpace(averaged, size));
  const node = isPool ? network.addOperation('glob_avg', [input.node]) : input.node;
  if (size === null || averaged.has(null)) return { node, size: null };
  const kept = layer.keepdim
    ? size.map((length, index) => (averaged.has(index) ? 1 : length))
    : size.filter((_, index) => !averaged.has(index));
  return { node, size: kept };
});

/**
 * Returns true if these axes are height and width of [channels, height, width] or [height, width, channels], or the
 * tokens.
 */
function isSpace(averaged: ReadonlySet<number | null>, size: Size): boolean {
  const isOneOfTwo = averaged.has(0) !== averaged.has(2);
  return size.length === 3
    ? averaged.size === 2 && averaged.has(1) && isOneOfTwo
    : size.length === 2 && averaged.size === 1 && averaged.has(0);
}
