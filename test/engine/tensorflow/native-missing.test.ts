import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createTensorflowEngine } from '../../../src/engine/tensorflow/engine.js';
import { cudaOf } from '../../../src/engine/tensorflow/native.js';
import { NATIVE_TENSORFLOW } from '../engines.js';

describe('native TensorFlow if it is not available', () => {
  it.skipIf(NATIVE_TENSORFLOW)('reports that its package is missing, and how to install it', async () => {
    await expect(createTensorflowEngine({ backend: 'native', device: 'cpu' })).rejects.toThrow(
      /Cannot find module '@tensorflow\/tfjs-node'.*npm install @tensorflow\/tfjs-node --ignore-scripts=false/,
    );
  });

  it.skipIf(existsSync('/dev/nvidiactl'))('names the missing parts of a GPU', async () => {
    await expect(createTensorflowEngine({ backend: 'native', device: 'cuda' })).rejects.toThrow(
      /@tensorflow\/tfjs-node-gpu( \(.*\)\. .*npm rebuild @tensorflow\/tfjs-node-gpu --ignore-scripts=false| found no GPU)/,
    );
  });
});

it.each([
  ['2.9.1', 'CUDA 11 and cuDNN 8'],
  ['2.15.1', 'CUDA 12 and cuDNN 8'],
  ['2.21.0', 'CUDA 12.5 and cuDNN 9'],
])('TensorFlow %s needs %s', (version, needs) => {
  expect(cudaOf(version)).toBe(needs);
});
