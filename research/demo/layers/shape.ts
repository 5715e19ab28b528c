import type { Tensor2D } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { layerKind, layerSchema, type Value } from './layer.js';

/** Images as vectors, in the order that PyTorch gives them: channel by channel. */
function flattened(x: Value): Tensor2D {
  const byChannel = x.rank === 4 ? tf.transpose(x, [0, 3, 1, 2]) : x;
  return tf.reshape(byChannel, [x.shape[0], -1]);
}

const flattenSchema = layerSchema('Flatten', { start_dim: z.literal(1).default(1) });

export const flatten = layerKind(flattenSchema, (_, { inputs: [x] }) => flattened(x));

const size = z.int().min(1);
const linearSchema = layerSchema('Linear', {
  in_features: size,
  out_features: size,
  bias: z.boolean().default(true),
});

export const linear = layerKind(linearSchema, ({ bias }, { inputs: [x], tensor }) => {
  const y = tf.matMul(flattened(x), tensor('weight') as Tensor2D, false, true);
  return bias ? tf.add(y, tensor('bias')) : y;
});

export const add = layerKind(layerSchema('Add', {}), (_, { inputs }) => tf.addN([...inputs]));

const concatSchema = layerSchema('Concat', { dim: z.literal(1).default(1) });

/** Along the channels, which are the last dimension here. */
export const concat = layerKind(concatSchema, (_, { inputs }) => tf.concat([...inputs], -1));
