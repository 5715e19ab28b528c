import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensor, Weights } from './safetensors.js';

/**
 * Weights as PyTorch initialises a network's: those of convolutions and Linears, and their biases, uniform between
 * ±1 / √fan-in; gains 1, and the other biases 0.
 *
 * @param like tensors of these names and shapes
 */
export function randomWeights(like: Weights, seed: number): Weights {
  const random = new Map<string, NamedTensor>();
  for (const [name, { shape, values }] of like) {
    const owner = name.slice(0, name.lastIndexOf('.'));
    const weight = like.get(`${owner}.weight`)!;
    const isNorm = weight.shape.length === 1;
    const fanIn = weight.shape.slice(1).reduce((product, size) => product * size, 1);
    random.set(name, {
      shape,
      values: isNorm
        ? new Float32Array(values.length).fill(name.endsWith('.weight') ? 1 : 0)
        : uniform(values.length, 1 / Math.sqrt(fanIn), `${seed} ${name}`),
    });
  }
  return random;
}

function uniform(count: number, bound: number, seed: string): Float32Array {
  return tf.tidy(() =>
    tf.randomUniform([count], -bound, bound, 'float32', seed).dataSync<'float32'>().slice(),
  );
}
