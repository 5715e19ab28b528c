import * as tf from '@tensorflow/tfjs-core';
import { layerKind, layerSchema } from './layer.js';

export const relu = layerKind(layerSchema('ReLU', {}), (_, { inputs: [x] }) => tf.relu(x));

export const silu = layerKind(layerSchema('SiLU', {}), (_, { inputs: [x] }) => tf.mul(x, tf.sigmoid(x)));

/** x·Φ(x), by erf, as PyTorch's is unless told otherwise. */
export const gelu = layerKind(layerSchema('GELU', {}), (_, { inputs: [x] }) =>
  tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
);
