import '@tensorflow/tfjs-backend-wasm';
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { LAYER_KINDS } from '../../research/demo/layers/index.js';
import { Network } from '../../research/demo/network.js';
import { readSafetensors } from '../../research/demo/safetensors.js';

beforeAll(async () => {
  await tf.setBackend('wasm');
});

interface Forward {
  readonly network: { readonly layers: readonly { readonly type: string }[] };
  /** Shape [4, 28, 28]. */
  readonly images: readonly number[];
  /** Shape [4, 10]. */
  readonly logits: readonly number[];
}

/** Returns PyTorch's results for a network with every layer that the demo runs. make_forward.py made the files. */
function inPyTorch() {
  const file = (name: string) => new URL(`../fixtures/demo/forward.${name}`, import.meta.url);
  const forward = JSON.parse(readFileSync(file('json'), 'utf8')) as Forward;
  const bytes = readFileSync(file('safetensors'));
  const weights = readSafetensors(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
  );
  return { ...forward, weights };
}

const network = (...layers: object[]) => new Network({ name: 'test', input: [1, 28, 28], layers });

describe('a network in the demo', () => {
  it('gives PyTorch’s logits, with every layer that the demo supports', () => {
    const { network: architecture, images, logits, weights } = inPyTorch();
    const types = new Set(architecture.layers.map(({ type }) => type));
    expect([...types].sort()).toEqual(LAYER_KINDS.map(({ type }) => type).sort());
    const result = new Network(architecture).run(tf.tensor4d([...images], [4, 28, 28, 1]), weights);
    expect(result.shape).toEqual([4, 10]);
    const scale = Math.max(...logits.map(Math.abs));
    result.dataSync().forEach((value, k) => {
      expect(Math.abs(value - logits[k]) / scale).toBeLessThan(1e-5);
    });
  });

  it('leaks no memory', () => {
    const { network: architecture, images, weights } = inPyTorch();
    const batch = tf.tensor4d([...images], [4, 28, 28, 1]);
    const run = () => new Network(architecture).run(batch, weights).dispose();
    run();
    const before = tf.memory().numTensors;
    run();
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    ['a type that it cannot run', { name: 'up', type: 'Upsample', scale_factor: 2 }, /layers\[0\]\.type/],
    [
      'an argument that it does not know',
      {
        name: 'conv',
        type: 'Conv2d',
        in_channels: 1,
        out_channels: 8,
        kernel_size: 3,
        padding_mode: 'circular',
      },
      /padding_mode/,
    ],
    ['a padded average', { name: 'pool', type: 'AvgPool2d', kernel_size: 3, padding: 1 }, /padding/],
    [
      'a pool to more than one pixel',
      { name: 'pool', type: 'AdaptiveAvgPool2d', output_size: 7 },
      /output_size/,
    ],
    [
      'an input that is not a layer before',
      { name: 'act', type: 'ReLU', inputs: ['later'] },
      /act takes later/,
    ],
  ])('is refused with %s', (_, layer, message) => {
    expect(() => network(layer)).toThrow(message);
  });

  it('is refused without layers', () => {
    expect(() => network()).toThrow(/layers/);
  });

  it('names the tensor that it lacks', () => {
    const linear = network({ name: 'fc', type: 'Linear', in_features: 784, out_features: 10 });
    expect(() => linear.run(tf.zeros([1, 28, 28, 1]), new Map())).toThrow('the weights have no fc.weight');
  });
});
