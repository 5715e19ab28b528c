import '@tensorflow/tfjs-backend-wasm';
import { readdirSync, readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { readDigits } from '../../research/demo/digits.js';
import { Network } from '../../research/demo/network.js';
import { randomWeights } from '../../research/demo/random-weights.js';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { predictedTensors } from '../../src/architecture/tensors.js';
import { elements } from '../../src/tensor/tensor.js';
import { LIMITS } from '../architecture/fixtures.js';

beforeAll(async () => {
  await tf.setBackend('wasm');
});

const DIRECTORY = new URL('../../research/demo/architectures/', import.meta.url);
const ARCHITECTURES = readdirSync(DIRECTORY).map((file): [string, unknown] => [
  file,
  JSON.parse(readFileSync(new URL(file, DIRECTORY), 'utf8')),
]);

/** Returns tensors of zeros with the names and shapes of an architecture. */
function zeros(architecture: unknown) {
  return new Map(
    predictedTensors(parseArchitecture(architecture, LIMITS)).map(({ name, shape }) => [
      name,
      { shape, values: new Float32Array(elements(shape)) },
    ]),
  );
}

describe('the demo’s networks', () => {
  it.each(ARCHITECTURES)('%s can be predicted and run', (file, architecture) => {
    expect(`${parseArchitecture(architecture, LIMITS).name}.json`).toBe(file);
    expect(`${new Network(architecture).name}.json`).toBe(file);
  });

  it.each(ARCHITECTURES)('%s can be initialised as PyTorch does it', (_, architecture) => {
    const weights = randomWeights(zeros(architecture), 1);
    const first = [...weights].find(([name]) => name === 'stem.conv.weight')![1];
    const bound = 1 / Math.sqrt(elements(first.shape.slice(1)));
    const largest = Math.max(...first.values.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.95 * bound);
    const { values } = weights.get('classifier.bias')!;
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(48));
    expect(new Set(values).size).toBe(10);
    expect(new Set(weights.get('stem.norm.weight')!.values)).toEqual(new Set([1]));
    expect(new Set(weights.get('stem.norm.bias')!.values)).toEqual(new Set([0]));
  });

  it('are initialised identically only with the same seed', () => {
    const like = zeros(ARCHITECTURES[0][1]);
    const weight = (seed: number) => randomWeights(like, seed).get('classifier.weight')!.values;
    expect(weight(1)).toEqual(weight(1));
    expect(weight(1)).not.toEqual(weight(2));
  });
});

describe('the demo’s digits', () => {
  it('are a thousand of ten kinds, normalised as in training', async () => {
    const { count, height, width, images, labels } = await readDigits();
    expect([count, height, width]).toEqual([1000, 28, 28]);
    expect(images).toHaveLength(count * height * width);
    expect([...new Set(labels)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const mean = images.reduce((sum, value) => sum + value, 0) / images.length;
    const variance = images.reduce((sum, value) => sum + (value - mean) ** 2, 0) / images.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(variance).toBeCloseTo(1, 1);
  });
});
