import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { Weights } from '../safetensors.js';

/** A value between layers: a batch of images, [batch, height, width, channels], or of vectors, [batch, features]. */
export type Value = tf.Tensor;

/** The inputs of a layer's computation. */
export interface Context {
  /** At least one. */
  readonly inputs: readonly Value[];
  /** The layer's own tensor of that name, in PyTorch's layout: `weight`, `fc1.bias`. */
  readonly tensor: (name: string) => tf.Tensor;
}

/** A kind of layer that can be run. */
export interface LayerKind {
  readonly type: string;
  readonly schema: z.ZodObject<{ type: z.ZodLiteral<string>; name: z.ZodString }>;
  /** @param layer what the schema has read */
  readonly run: (layer: unknown, context: Context) => Value;
}

/** The keys that all layers have, and those of one type; any other key is refused. */
export function layerSchema<Type extends string, Arguments extends z.ZodRawShape>(
  type: Type,
  args: Arguments,
) {
  return z.strictObject({
    name: z.string(),
    type: z.literal(type),
    inputs: z.array(z.string()).min(1).optional(),
    ...args,
  });
}

/** A kind of layer from its schema and how it is run. */
export function layerKind<Schema extends LayerKind['schema']>(
  schema: Schema,
  run: (layer: z.output<Schema>, context: Context) => Value,
): LayerKind {
  return {
    type: schema.shape.type.value,
    schema,
    run: (layer, context) => run(layer as z.output<Schema>, context),
  };
}

/** A layer's tensors out of a network's weights; they live as long as the scope they are made in. */
export function tensorOf(weights: Weights, layer: string): Context['tensor'] {
  return (name) => {
    const tensor = weights.get(`${layer}.${name}`);
    if (!tensor) throw new Error(`the weights have no ${layer}.${name}`);
    return tf.tensor(tensor.values, [...tensor.shape]);
  };
}
