import * as tf from '@tensorflow/tfjs-core';
import type { Digits } from './digits.js';
import type { Network } from './network.js';
import type { Weights } from './safetensors.js';

/** Digits that are seen together, of which BatchNorm takes its statistics: as many as where the GHN is evaluated. */
const BATCH = 200;

/** The share of the digits that a network with these weights tells right. */
export function accuracy(network: Network, weights: Weights, digits: Digits): number {
  const { count, height, width, images, labels } = digits;
  let right = 0;
  for (let start = 0; start < count; start += BATCH) {
    const end = Math.min(start + BATCH, count);
    const predictions = tf.tidy(() => {
      const batch = images.subarray(start * height * width, end * height * width);
      const logits = network.run(tf.tensor4d(batch, [end - start, height, width, 1]), weights);
      return tf.argMax(logits, 1).dataSync();
    });
    predictions.forEach((label, index) => {
      if (label === labels[start + index]) right++;
    });
  }
  return right / count;
}
