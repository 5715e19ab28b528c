import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { type Context, layerKind, layerSchema } from './layer.js';

/** PyTorch's, of all norms. */
const EPSILON = 1e-5;

const eps = z.number().positive().default(EPSILON);
const features = z.int().min(1);

/** With the batch's own statistics: a predicted network has no running ones (as the GHN's papers evaluate). */
export const batchNorm2d = layerKind(
  layerSchema('BatchNorm2d', { num_features: features, eps }),
  (layer, { inputs: [x], tensor }) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return tf.batchNorm4d(
      x as Tensor4D,
      mean as Tensor1D,
      variance as Tensor1D,
      tensor('bias') as Tensor1D,
      tensor('weight') as Tensor1D,
      layer.eps,
    );
  },
);

const layerNormArguments = { normalized_shape: features, eps };

export const layerNorm = layerKind(layerSchema('LayerNorm', layerNormArguments), normaliseLast);

/** Over the channels, which are the last dimension here. */
export const layerNorm2d = layerKind(layerSchema('LayerNorm2d', layerNormArguments), normaliseLast);

function normaliseLast(layer: { readonly eps: number }, { inputs: [x], tensor }: Context): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  const normalised = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, layer.eps)));
  return tf.add(tf.mul(normalised, tensor('weight')), tensor('bias'));
}
