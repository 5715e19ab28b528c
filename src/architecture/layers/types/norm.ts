import { z } from 'zod';
import { flag, number, positive } from '../arguments.js';
import { featuresSize, imageSize } from '../expect.js';
import type { Output, Place } from '../layer-type.js';
import { layerSchema, layerType } from '../layer-type.js';
import type { Size } from '../size.js';
import { agree, sizeText } from '../size.js';

const batchNormArguments = {
  num_features: positive,
  eps: number.optional(),
  momentum: number.nullable().optional(),
  affine: flag.default(true),
  track_running_stats: flag.default(true),
};

const batchNorm2dSchema = layerSchema('BatchNorm2d', batchNormArguments);
const batchNorm1dSchema = layerSchema('BatchNorm1d', batchNormArguments);

export const batchNorm2d = layerType(batchNorm2dSchema, (layer, place) =>
  batchNorm(layer, imageSize(place.input, layer.num_features, 'num_features', place), place),
);

export const batchNorm1d = layerType(batchNorm1dSchema, (layer, place) => {
  const { label, input, fault } = place;
  const size = input.size ?? [layer.num_features];
  if (size.length > 2) {
    fault(
      null,
      `${label} takes [features] or [features, length], but ${input.giver} gives ${sizeText(size)}`,
    );
  } else if (!agree(size[0], layer.num_features)) {
    fault(
      'num_features',
      `${label} takes ${layer.num_features} features, but ${input.giver} gives ${sizeText(size)}`,
    );
  }
  return batchNorm(layer, size, place);
});

type BatchNorm = z.output<typeof batchNorm1dSchema> | z.output<typeof batchNorm2dSchema>;

/** One bn node owns gain and bias (docs/ghn.md, section 1); a norm without them is not a node. */
function batchNorm(layer: BatchNorm, size: Size, { input, network }: Place): Output {
  const { name } = layer;
  const shape = [layer.num_features];
  let { node } = input;
  if (layer.affine) {
    node = network.addNorm(
      'bn',
      name,
      { name: `${name}.weight`, shape },
      { name: `${name}.bias`, shape },
      node,
    );
  }
  if (layer.track_running_stats) {
    network.addTensor({ name: `${name}.running_mean`, shape }, 'buffer');
    network.addTensor({ name: `${name}.running_var`, shape }, 'buffer');
    network.addTensor({ name: `${name}.num_batches_tracked`, shape: [] }, 'buffer');
  }
  return { node, size };
}

const layerNormArguments = {
  normalized_shape: z.union(
    [positive, z.tuple([positive])],
    'must be one positive integer: a GHN predicts the norms of one dimension, the channels or features',
  ),
  eps: number.optional(),
  elementwise_affine: flag.default(true),
  bias: flag.default(true),
};

/** Normalises over the last dimension, as PyTorch does. */
export const layerNorm = layerType(layerSchema('LayerNorm', layerNormArguments), (layer, place) =>
  normalise(layer, featuresSize(place.input, features(layer), 'normalized_shape', place), place),
);

/** Normalises over the channels of an image, like torchvision's norm in ConvNeXt. */
export const layerNorm2d = layerType(layerSchema('LayerNorm2d', layerNormArguments), (layer, place) =>
  normalise(layer, imageSize(place.input, features(layer), 'normalized_shape', place), place),
);

interface LayerNorm {
  readonly name: string;
  readonly normalized_shape: number | [number];
  readonly elementwise_affine: boolean;
  readonly bias: boolean;
}

function features({ normalized_shape: shape }: LayerNorm): number {
  return typeof shape === 'number' ? shape : shape[0];
}

/** One ln node owns gain and bias (docs/ghn.md, section 1); a norm without them is not a node. */
function normalise(layer: LayerNorm, size: Size, { input, network }: Place): Output {
  if (!layer.elementwise_affine) return { node: input.node, size };
  const { name } = layer;
  const shape = [features(layer)];
  const bias = layer.bias ? { name: `${name}.bias`, shape } : null;
  return { node: network.addNorm('ln', name, { name: `${name}.weight`, shape }, bias, input.node), size };
}
