import '@tensorflow/tfjs-backend-wasm';
import { readdirSync, readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accuracy } from '../../research/demo/accuracy.js';
import { type Digits, readDigits } from '../../research/demo/digits.js';
import { Network } from '../../research/demo/network.js';
import { randomWeights } from '../../research/demo/random-weights.js';
import type { Weights } from '../../research/demo/safetensors.js';
import { parseArchitecture } from '../../src/architecture/parse.js';
import type { Engine } from '../../src/engine/engine.js';
import { createOnnxruntimeEngine } from '../../src/engine/onnxruntime/engine.js';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import type { Ghn } from '../../src/ghn/ghn.js';
import { loadGhn } from '../../src/ghn/load.js';
import { packagedCheckpoints } from '../../src/settings/packaged-ghn.js';
import { LIMITS } from '../architecture/fixtures.js';
import { expand } from '../tensor/arbitrary.js';

const DIRECTORY = new URL('../../research/demo/architectures/', import.meta.url);

let engine: Engine;
let ghn: Ghn;
let digits: Digits;
beforeAll(async () => {
  await tf.setBackend('wasm');
  engine = await createOnnxruntimeEngine();
  const [packaged] = packagedCheckpoints();
  ghn = await loadGhn(await readCheckpoint(packaged.source.text), engine);
  digits = await readDigits();
});
afterAll(() => engine.dispose());

async function predict(architecture: unknown): Promise<Weights> {
  const options = { predictClassifier: true, seed: 0 };
  const tensors = await ghn.predict(parseArchitecture(architecture, LIMITS), options);
  return new Map(tensors.map((tensor) => [tensor.name, { shape: tensor.shape, values: expand(tensor) }]));
}

describe('the GHN in the package', () => {
  it.each(readdirSync(DIRECTORY))('predicts %s so that it recognises nine digits of ten', async (file) => {
    const architecture: unknown = JSON.parse(readFileSync(new URL(file, DIRECTORY), 'utf8'));
    const network = new Network(architecture);
    const weights = await predict(architecture);
    expect(accuracy(network, weights, digits)).toBeGreaterThan(0.9);
    expect(accuracy(network, randomWeights(weights, 1), digits)).toBeLessThan(0.3);
  });
});
