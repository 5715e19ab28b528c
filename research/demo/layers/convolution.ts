import type { Tensor4D } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { layerKind, layerSchema } from './layer.js';

const size = z.int().min(1);

const schema = layerSchema('Conv2d', {
  in_channels: size,
  out_channels: size,
  kernel_size: size,
  stride: size.default(1),
  padding: z.int().min(0).default(0),
  dilation: z.literal(1).default(1),
  groups: size.default(1),
  bias: z.boolean().default(true),
});

export const conv2d = layerKind(schema, ({ stride, padding, groups, bias }, { inputs: [x], tensor }) => {
  const weight = tensor('weight') as Tensor4D;
  const y = convolve(x as Tensor4D, weight, stride, padding, groups);
  return bias ? tf.add(y, tensor('bias')) : y;
});

/** @param weight PyTorch's, [outputs, inputs / groups, height, width] */
function convolve(x: Tensor4D, weight: Tensor4D, stride: number, padding: number, groups: number): Tensor4D {
  if (groups === 1) {
    return tf.conv2d(x, tf.transpose(weight, [2, 3, 1, 0]), stride, padding);
  }
  if (groups === x.shape[3]) {
    const [outputs, , height, width] = weight.shape;
    const byGroup = tf.reshape<tf.Rank.R4>(weight, [groups, outputs / groups, height, width]);
    return tf.depthwiseConv2d(x, tf.transpose(byGroup, [2, 3, 0, 1]), stride, padding);
  }
  const images = tf.split(x, groups, 3) as Tensor4D[];
  const weights = tf.split(weight, groups, 0) as Tensor4D[];
  return tf.concat(
    images.map((image, group) => convolve(image, weights[group], stride, padding, 1)),
    3,
  );
}

const excitationSchema = layerSchema('SqueezeExcitation', { input_channels: size, squeeze_channels: size });

/** torchvision's: the channels' means through two 1×1 convolutions, and the product with the image. */
export const squeezeExcitation = layerKind(excitationSchema, (_, { inputs: [x], tensor }) => {
  const dense = (value: tf.Tensor, name: string) => {
    const weight = tensor(`${name}.weight`) as Tensor4D;
    return tf.add(convolve(value as Tensor4D, weight, 1, 0, 1), tensor(`${name}.bias`));
  };
  const squeezed = tf.relu(dense(tf.mean(x, [1, 2], true), 'fc1'));
  return tf.mul(x, tf.sigmoid(dense(squeezed, 'fc2')));
});
