import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonicalGraph } from '../../../src/architecture/canonical.js';
import { parseLayers } from '../../../src/architecture/layers/parse.js';
import { parseArchitecture } from '../../../src/architecture/parse.js';
import { LIMITS } from '../fixtures.js';
import { edges, type Layer, network, operations, tinyLayers } from './layers.js';

const FOLDER = new URL('../../fixtures/layers/', import.meta.url);
const readJson = (file: string): unknown => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));

describe('layers', () => {
  it.each(['lenet', 'residual', 'vit', 'vit-mean'])(
    'of %s give the graph that a trace of the same PyTorch module gives',
    (name) => {
      const traced = parseArchitecture(readJson(`${name}.graph.json`), LIMITS);
      const written = parseArchitecture(readJson(`${name}.layers.json`), LIMITS);
      expect(canonicalGraph(written)).toEqual(canonicalGraph(traced));
    },
  );

  it('give parameters and buffers their PyTorch names, and nodes the ids of the GHNs’ own graphs', () => {
    const tiny = network(tinyLayers());
    expect(tiny.nodes.map(({ id }) => id)).toEqual([
      'input',
      'conv1',
      'conv1.bias',
      'bn1',
      'max_pool_0',
      'glob_avg_0',
      'fc',
      'fc.bias',
    ]);
    expect(edges(tiny)).toEqual([
      'input > conv1',
      'conv1 > conv1.bias',
      'conv1.bias > bn1',
      'bn1 > max_pool_0',
      'max_pool_0 > glob_avg_0',
      'glob_avg_0 > fc',
      'fc > fc.bias',
    ]);
    expect(tiny.nodes.filter(({ classifier }) => classifier).map(({ id }) => id)).toEqual(['fc', 'fc.bias']);
    expect(tiny.stateDict?.map(({ name, shape, kind }) => `${kind} ${name} ${shape.join('x')}`)).toEqual([
      'parameter conv1.weight 16x3x3x3',
      'parameter conv1.bias 16',
      'parameter bn1.weight 16',
      'parameter bn1.bias 16',
      'buffer bn1.running_mean 16',
      'buffer bn1.running_var 16',
      'buffer bn1.num_batches_tracked ',
      'parameter fc.weight 10x16',
      'parameter fc.bias 10',
    ]);
  });

  it('have a state dict in PyTorch’s order: a module’s own tensors, then module after module', () => {
    const stateDict = network([
      { name: 'a.conv', type: 'Conv2d', in_channels: 3, out_channels: 8, kernel_size: 1, bias: false },
      { name: 'b.conv', type: 'Conv2d', in_channels: 8, out_channels: 8, kernel_size: 1, bias: false },
      { name: 'a.bn', type: 'BatchNorm2d', num_features: 8, track_running_stats: false },
      { name: 'a.table', type: 'PositionEmbedding', shape: [1, 8, 4, 4] },
    ]).stateDict;
    expect(stateDict?.map(({ name }) => name)).toEqual([
      'a.table',
      'a.conv.weight',
      'a.bn.weight',
      'a.bn.bias',
      'b.conv.weight',
    ]);
  });

  it('take the layer before them, or the named inputs, including the network’s input', () => {
    const fork = network([
      { name: 'left', type: 'Conv2d', in_channels: 3, out_channels: 3, kernel_size: 1, bias: false },
      {
        name: 'right',
        type: 'Conv2d',
        in_channels: 3,
        out_channels: 3,
        kernel_size: 1,
        bias: false,
        inputs: ['input'],
      },
      { name: 'sum', type: 'Add', inputs: ['left', 'right', 'input'] },
    ]);
    expect(edges(fork)).toEqual([
      'input > left',
      'input > right',
      'input > sum_0',
      'left > sum_0',
      'right > sum_0',
    ]);
  });

  it('that merge outputs of a single node are not nodes', () => {
    expect(
      operations(
        network([
          { name: 'relu', type: 'ReLU' },
          { name: 'sum', type: 'Add', inputs: ['input', 'relu'] },
          { name: 'fc', type: 'Linear', in_features: 4, out_features: 2, bias: false },
        ]),
      ),
    ).toEqual(['conv 2x4']);
  });

  it('may have names that the nodes without tensors would have had', () => {
    const layers: Layer[] = [
      { name: 'max_pool_0', type: 'Conv2d', in_channels: 3, out_channels: 8, kernel_size: 3, bias: false },
      { name: 'pool', type: 'MaxPool2d', kernel_size: 2 },
    ];
    expect(network(layers).nodes.map(({ id }) => id)).toEqual(['input', 'max_pool_0', 'max_pool_1']);
  });

  it('are distinguished from a graph by their content', () => {
    const layers = { name: 'network', layers: tinyLayers() };
    expect(parseArchitecture(layers, LIMITS)).toEqual(parseLayers(layers, LIMITS));
  });
});

describe('the graph of a', () => {
  const conv = { name: 'layer', type: 'Conv2d', in_channels: 8, out_channels: 16 };
  const norm = { name: 'layer', num_features: 8 };
  it.each<[string, Layer, string[]]>([
    ['convolution', { ...conv, kernel_size: [3, 5] }, ['conv 16x8x3x5', 'bias 16']],
    ['convolution in groups', { ...conv, kernel_size: 3, groups: 4, bias: false }, ['sep_conv 16x2x3x3']],
    [
      'dilated one in groups',
      { ...conv, kernel_size: 3, groups: 8, dilation: 2, bias: false },
      ['dil_conv 16x1x3x3'],
    ],
    [
      'one dilated on one axis',
      { ...conv, kernel_size: 3, groups: 8, dilation: [1, 2], bias: false },
      ['sep_conv 16x1x3x3'],
    ],
    ['dilated one without groups', { ...conv, kernel_size: 3, dilation: 2, bias: false }, ['conv 16x8x3x3']],
    ['BatchNorm2d', { ...norm, type: 'BatchNorm2d' }, ['bn 8']],
    ['BatchNorm1d', { ...norm, type: 'BatchNorm1d' }, ['bn 8']],
    ['norm without gain', { ...norm, type: 'BatchNorm2d', affine: false }, []],
    ['LayerNorm', { name: 'layer', type: 'LayerNorm', normalized_shape: [8] }, ['ln 8']],
    ['LayerNorm2d', { name: 'layer', type: 'LayerNorm2d', normalized_shape: 8 }, ['ln 8']],
    ['MaxPool2d', { name: 'layer', type: 'MaxPool2d', kernel_size: [3, 2] }, ['max_pool 3x2']],
    ['AvgPool2d', { name: 'layer', type: 'AvgPool2d', kernel_size: 2 }, ['avg_pool 2x2']],
    ['AdaptiveAvgPool2d', { name: 'layer', type: 'AdaptiveAvgPool2d', output_size: [6, null] }, ['glob_avg']],
    ['Mean', { name: 'layer', type: 'Mean', dim: [2, 3] }, ['glob_avg']],
    ['Dropout', { name: 'layer', type: 'Dropout', p: 0.5 }, []],
    ['Upsample', { name: 'layer', type: 'Upsample', scale_factor: 2, mode: 'nearest' }, []],
    ['PReLU', { name: 'layer', type: 'PReLU' }, []],
    [
      'SqueezeExcitation',
      { name: 'layer', type: 'SqueezeExcitation', input_channels: 8, squeeze_channels: 2 },
      ['conv 2x8x1x1', 'bias 2', 'conv 8x2x1x1', 'bias 8', 'cse'],
    ],
    [
      'MultiheadAttention',
      { name: 'layer', type: 'MultiheadAttention', embed_dim: 8, num_heads: 2 },
      ['conv 24x8', 'bias 24', 'msa', 'conv 8x8', 'bias 8'],
    ],
    [
      'MultiheadAttention without biases',
      { name: 'layer', type: 'MultiheadAttention', embed_dim: 8, num_heads: 2, bias: false },
      ['conv 24x8', 'msa', 'conv 8x8'],
    ],
    [
      'PositionEmbedding',
      { name: 'layer', type: 'PositionEmbedding', shape: [16, 8] },
      ['pos_enc 16x8', 'sum'],
    ],
  ])('%s', (_, layer, expected) => {
    expect(operations(network([layer]))).toEqual(expected);
  });

  it('norm without running statistics has no buffers', () => {
    const { stateDict } = network([{ ...norm, type: 'BatchNorm2d', track_running_stats: false }]);
    expect(stateDict?.map(({ name }) => name)).toEqual(['layer.weight', 'layer.bias']);
  });

  it('AdaptiveMaxPool2d has the kernel that is equivalent to it', () => {
    expect(
      operations(network([{ name: 'pool', type: 'AdaptiveMaxPool2d', output_size: 2 }], [3, 8, 12])),
    ).toEqual(['max_pool 4x6']);
  });

  it('mean of a global mean adds no node', () => {
    const layers = [
      { name: 'gap', type: 'AdaptiveAvgPool2d' },
      { name: 'mean', type: 'Mean', dim: [2, 3] },
    ];
    expect(operations(network(layers, [3, 8, 8]))).toEqual(['glob_avg']);
  });

  it.each([
    [[3, 8, 8], [2, 3], ['glob_avg']],
    [[8, 8, 3], [1, 2], ['glob_avg']],
    [[3, 8, 8], [1], []],
    [[17, 64], [-2], ['glob_avg']],
    [[17, 64], [2], []],
    [[64], [1], []],
  ])('mean of %j over %j is a pool only if that is space', (input, dim, expected) => {
    expect(operations(network([{ name: 'mean', type: 'Mean', dim }], input))).toEqual(expected);
  });

  it('fully convolutional head has its pool before it, as in SqueezeNet', () => {
    const layers = [
      { name: 'features', type: 'Conv2d', in_channels: 3, out_channels: 8, kernel_size: 3, bias: false },
      { name: 'head', type: 'Conv2d', in_channels: 8, out_channels: 10, kernel_size: 1, bias: false },
      { name: 'relu', type: 'ReLU' },
      { name: 'gap', type: 'AdaptiveAvgPool2d' },
      { name: 'flatten', type: 'Flatten' },
    ];
    const architecture = network(layers);
    expect(edges(architecture)).toEqual(['input > features', 'features > glob_avg_0', 'glob_avg_0 > head']);
    expect(architecture.nodes.at(-1)).toMatchObject({ id: 'head', classifier: true });
  });
});
