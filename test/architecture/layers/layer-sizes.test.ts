import { describe, expect, it } from 'vitest';
import { type Layer, layerFaults, network } from './layers.js';

/** Parses the layers, followed by a Linear that fits only if they give that many features. */
function features(layers: Layer[], input: number[], expected: number): void {
  const flat = [...layers, { name: 'flat', type: 'Flatten' }];
  const linear = (inputs: number) => ({ name: 'last', type: 'Linear', in_features: inputs, out_features: 1 });
  expect(layerFaults([...flat, linear(expected)], input)).toEqual([]);
  expect(layerFaults([...flat, linear(expected + 1)], input).map(({ path }) => path)).toEqual([
    `/layers/${flat.length}/in_features`,
  ]);
}

describe('the output size is the same as in PyTorch for', () => {
  const conv = { name: 'layer', type: 'Conv2d', in_channels: 3, out_channels: 5 };
  const tokens = { name: 'tokens', type: 'Permute', dims: [0, 2, 1] };
  // Computed with PyTorch 1.13.
  it.each<[string, Layer[], number[], number]>([
    ['a convolution', [{ ...conv, kernel_size: 3 }], [3, 32, 31], 5 * 30 * 29],
    ['a stride', [{ ...conv, kernel_size: 7, stride: 2, padding: 3 }], [3, 224, 223], 5 * 112 * 112],
    ['a dilation', [{ ...conv, kernel_size: 3, dilation: [2, 3] }], [3, 32, 32], 5 * 28 * 26],
    ['padding "same"', [{ ...conv, kernel_size: 4, padding: 'same' }], [3, 9, 10], 5 * 90],
    ['padding "valid"', [{ ...conv, kernel_size: 4, padding: 'valid' }], [3, 9, 10], 5 * 6 * 7],
    ['a pool', [{ name: 'pool', type: 'MaxPool2d', kernel_size: 3, stride: 2 }], [3, 14, 15], 3 * 6 * 7],
    [
      'a pool without stride',
      [{ name: 'pool', type: 'AvgPool2d', kernel_size: [2, 3] }],
      [3, 9, 9],
      3 * 4 * 3,
    ],
    [
      'a pool that rounds up',
      [{ name: 'pool', type: 'MaxPool2d', kernel_size: 3, stride: 2, ceil_mode: true }],
      [3, 14, 15],
      3 * 7 * 7,
    ],
    [
      'one whose last window would begin in the padding',
      [{ name: 'pool', type: 'MaxPool2d', kernel_size: 2, stride: 2, padding: 1, ceil_mode: true }],
      [3, 7, 7],
      3 * 4 * 4,
    ],
    [
      'an adaptive pool',
      [{ name: 'pool', type: 'AdaptiveAvgPool2d', output_size: [6, null] }],
      [3, 9, 8],
      3 * 48,
    ],
    ['an upsampling', [{ name: 'up', type: 'Upsample', scale_factor: [2, 1.5] }], [3, 4, 5], 3 * 8 * 7],
    ['an upsampling to a size', [{ name: 'up', type: 'Upsample', size: 7 }], [3, 4, 5], 3 * 49],
    [
      'tokens',
      [{ name: 'patches', type: 'Flatten', start_dim: 2 }, tokens, { ...tokens, name: 'back' }],
      [3, 4, 5],
      60,
    ],
    ['a selected token', [{ name: 'one', type: 'Select', dim: -2, index: -1 }], [7, 12], 12],
    ['a class token', [{ name: 'cls', type: 'ClassToken', embed_dim: 12 }], [7, 12], 8 * 12],
    ['a mean', [{ name: 'mean', type: 'Mean', dim: [-1, -2] }], [7, 3, 4], 7],
    [
      'a mean that keeps its dimension',
      [{ name: 'mean', type: 'Mean', dim: 2, keepdim: true }],
      [7, 3, 4],
      28,
    ],
    [
      'a concatenation',
      [
        { ...conv, kernel_size: 1 },
        { name: 'cat', type: 'Concat', inputs: ['input', 'layer', 'input'] },
      ],
      [3, 4, 4],
      11 * 16,
    ],
    [
      'a concatenation of tokens',
      [
        { name: 'fc', type: 'Linear', in_features: 4, out_features: 4 },
        { name: 'cat', type: 'Concat', dim: -1, inputs: ['input', 'fc'] },
      ],
      [6, 4],
      48,
    ],
    [
      'a sum that is broadcast',
      [
        { name: 'gap', type: 'AdaptiveAvgPool2d' },
        { name: 'sum', type: 'Add', inputs: ['gap', 'input'] },
      ],
      [3, 4, 4],
      48,
    ],
  ])('%s', (_, layers, input, expected) => {
    features(layers, input, expected);
  });

  it('a Linear on tokens, on features, and on the single pixel after a global pool', () => {
    const linear = { name: 'fc', type: 'Linear', in_features: 8, out_features: 4 };
    const gap = { name: 'gap', type: 'AdaptiveAvgPool2d' };
    expect(layerFaults([linear, { name: 'norm', type: 'LayerNorm', normalized_shape: 4 }], [6, 8])).toEqual(
      [],
    );
    expect(layerFaults([linear, { name: 'norm', type: 'BatchNorm1d', num_features: 4 }], [8])).toEqual([]);
    expect(
      layerFaults([gap, linear, { name: 'norm', type: 'BatchNorm1d', num_features: 4 }], [8, 5, 5]),
    ).toEqual([]);
  });
});

describe('layers that do not fit each other are refused, with both names:', () => {
  const conv = { name: 'conv', type: 'Conv2d', in_channels: 3, out_channels: 16, kernel_size: 3 };
  const relu = { name: 'relu', type: 'ReLU' };

  it('channels, with or without the network’s input size', () => {
    const next = { ...conv, name: 'conv2', in_channels: 8 };
    expect(layerFaults([conv, relu, next])).toEqual([
      {
        path: '/layers/2/in_channels',
        message: 'Conv2d "conv2" takes 8 channels, but ReLU "relu" gives 16 ([16, ?, ?])',
      },
    ]);
    expect(layerFaults([conv, { name: 'bn', type: 'BatchNorm2d', num_features: 3 }], [3, 8, 8])).toEqual([
      {
        path: '/layers/1/num_features',
        message: 'BatchNorm2d "bn" takes 3 channels, but Conv2d "conv" gives 16 ([16, 6, 6])',
      },
    ]);
    expect(layerFaults([conv], [1, 28, 28])).toEqual([
      {
        path: '/layers/0/in_channels',
        message: 'Conv2d "conv" takes 3 channels, but the network’s input gives 1 ([1, 28, 28])',
      },
    ]);
  });

  it('features', () => {
    const layers = [
      conv,
      { name: 'flat', type: 'Flatten' },
      { name: 'fc', type: 'Linear', in_features: 400, out_features: 10 },
    ];
    expect(layerFaults(layers, [3, 8, 8])).toEqual([
      {
        path: '/layers/2/in_features',
        message: 'Linear "fc" takes 400 features, but Flatten "flat" gives 576 ([576])',
      },
    ]);
    expect(layerFaults(layers)).toEqual([]);
  });

  it('an image in place of features, and the reverse', () => {
    const fc = { name: 'fc', type: 'Linear', in_features: 16, out_features: 10 };
    expect(layerFaults([conv, fc])).toEqual([
      {
        path: '/layers/1',
        message: 'Linear "fc" needs a Flatten before it: Conv2d "conv" gives an image, [16, ?, ?]',
      },
    ]);
    expect(
      layerFaults(
        [
          { ...fc, in_features: 8 },
          { ...conv, in_channels: 10 },
        ],
        [8],
      ),
    ).toEqual([
      {
        path: '/layers/1',
        message: 'Conv2d "conv" takes images, [channels, height, width], but Linear "fc" gives [10]',
      },
    ]);
    const attention = { name: 'attention', type: 'MultiheadAttention', embed_dim: 16, num_heads: 2 };
    expect(layerFaults([conv, attention])).toEqual([
      {
        path: '/layers/1',
        message:
          'MultiheadAttention "attention" takes tokens, [tokens, features], but Conv2d "conv" gives [16, ?, ?]',
      },
    ]);
  });

  it('a window larger than its image', () => {
    expect(layerFaults([conv, { name: 'pool', type: 'MaxPool2d', kernel_size: 7 }], [3, 8, 8])).toEqual([
      {
        path: '/layers/1',
        message:
          'MaxPool2d "pool" has a window of 7 × 7, which does not fit into [16, 6, 6], the output of Conv2d "conv"',
      },
    ]);
  });

  it('operands of an addition or a concatenation', () => {
    const small = { ...conv, name: 'small', padding: 0, inputs: ['input'] };
    const wide = { ...conv, name: 'wide', padding: 1, inputs: ['input'] };
    const message =
      'sizes that do not fit each other: Conv2d "small" gives [16, 6, 6], Conv2d "wide" [16, 8, 8]';
    for (const type of ['Add', 'Concat']) {
      expect(
        layerFaults([small, wide, { name: 'join', type, inputs: ['small', 'wide'] }], [3, 8, 8]),
      ).toEqual([{ path: '/layers/2/inputs', message: `${type} "join" cannot join ${message}` }]);
    }
  });

  it('a position embedding for other positions', () => {
    const table = { name: 'positions', type: 'PositionEmbedding', shape: [1, 17, 8] };
    const [fault] = layerFaults(
      [{ name: 'fc', type: 'Linear', in_features: 8, out_features: 8 }, table],
      [16, 8],
    );
    expect(fault).toEqual({
      path: '/layers/1/shape',
      message: 'PositionEmbedding "positions" has shape [1, 17, 8], but Linear "fc" gives [16, 8]',
    });
  });

  it('dimensions that do not exist', () => {
    const flat = { name: 'flat', type: 'Flatten', start_dim: 4 };
    expect(layerFaults([conv, flat])).toEqual([
      {
        path: '/layers/1/start_dim',
        message:
          'Flatten "flat" has start_dim 4, but Conv2d "conv" gives [16, ?, ?], dimensions 1 to 3 (0 is the batch)',
      },
    ]);
    expect(
      layerFaults([{ name: 'one', type: 'Select', dim: 1, index: 7 }], [7, 3]).map(({ path }) => path),
    ).toEqual(['/layers/0/index']);
    expect(
      layerFaults([{ name: 'turn', type: 'Permute', dims: [0, 2, 1] }], [3, 4, 4]).map(({ path }) => path),
    ).toEqual(['/layers/0/dims']);
  });

  it('each mismatch of a network once: the layers after it use the declared sizes', () => {
    const faults = layerFaults([
      conv,
      { ...conv, name: 'conv2', in_channels: 8, out_channels: 32 },
      { name: 'bn', type: 'BatchNorm2d', num_features: 32 },
      { name: 'bn2', type: 'BatchNorm2d', num_features: 31 },
    ]);
    expect(faults.map(({ path }) => path)).toEqual(['/layers/1/in_channels', '/layers/3/num_features']);
  });

  it('an adaptive maximum pool without the network’s input size, on which its kernel depends', () => {
    const pool = { name: 'pool', type: 'AdaptiveMaxPool2d', output_size: 2 };
    expect(layerFaults([conv, pool]).map(({ path }) => path)).toEqual(['/layers/1']);
    expect(() => network([conv, pool], [3, 8, 8])).not.toThrow();
  });
});
