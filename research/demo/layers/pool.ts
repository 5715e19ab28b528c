import type { Tensor4D } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { layerKind, layerSchema } from './layer.js';

const size = z.int().min(1);
const slidingArguments = { kernel_size: size, stride: size.nullable().optional() };

const maxPoolSchema = layerSchema('MaxPool2d', { ...slidingArguments, padding: z.int().min(0).default(0) });

export const maxPool2d = layerKind(maxPoolSchema, ({ kernel_size, stride, padding }, { inputs: [x] }) =>
  tf.maxPool(x as Tensor4D, kernel_size, stride ?? kernel_size, padding),
);

// PyTorch counts the padding in, TensorFlow.js does not.
const avgPoolSchema = layerSchema('AvgPool2d', { ...slidingArguments, padding: z.literal(0).default(0) });

export const avgPool2d = layerKind(avgPoolSchema, ({ kernel_size, stride }, { inputs: [x] }) =>
  tf.avgPool(x as Tensor4D, kernel_size, stride ?? kernel_size, 0),
);

const adaptiveSchema = layerSchema('AdaptiveAvgPool2d', { output_size: z.literal(1).default(1) });

export const adaptiveAvgPool2d = layerKind(adaptiveSchema, (_, { inputs: [x] }) => tf.mean(x, [1, 2], true));
