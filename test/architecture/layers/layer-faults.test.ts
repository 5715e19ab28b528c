import { describe, expect, it } from 'vitest';
import { SKIP } from '../../../src/architecture/architecture.js';
import { parseArchitecture } from '../../../src/architecture/parse.js';
import { faultsOf, LIMITS } from '../fixtures.js';
import { layerFaults, tinyLayers } from './layers.js';

describe('layers are refused, with the place and the remedy, for', () => {
  it('an unknown type', () => {
    const [fault] = layerFaults([{ name: 'conv', type: 'conv2d', in_channels: 3 }]);
    expect(fault?.path).toBe('/layers/0/type');
    expect(fault?.message).toMatch(
      /^unknown layer type "conv2d"; did you mean "Conv2d".*\(the types are Conv2d, Linear, /,
    );
  });

  it.each([
    ['ConvTranspose2d', 'a GHN has no operation for transposed convolutions; use Upsample and Conv2d'],
    [
      'GroupNorm',
      'the only norms that a GHN knows are batch and layer norms; use BatchNorm2d, LayerNorm or LayerNorm2d',
    ],
    ['Conv1d', 'a GHN knows images, so only two-dimensional layers; use the 2d one'],
    ['LSTM', 'a GHN’s graphs have no cycles and no operation for recurrent layers'],
  ])('%s, with the reason', (type, reason) => {
    expect(layerFaults([{ name: 'layer', type }])).toEqual([
      { path: '/layers/0/type', message: `"${type}" cannot be predicted: ${reason}${SKIP}` },
    ]);
  });

  it('arguments that are unknown, missing or of another kind', () => {
    const conv = {
      name: 'conv',
      type: 'Conv2d',
      in_channel: 3,
      out_channels: 0,
      kernel_size: [3, 3, 3],
      bias: 'no',
    };
    expect(layerFaults([conv])).toEqual([
      { path: '/layers/0/in_channels', message: 'is missing: must be a positive integer' },
      { path: '/layers/0/out_channels', message: 'must be a positive integer' },
      { path: '/layers/0/kernel_size', message: 'must be a positive integer, or two, [height, width]' },
      { path: '/layers/0/bias', message: 'expected a boolean, not "no"' },
      {
        path: '/layers/0/in_channel',
        message:
          'unknown key; did you mean "in_channels"? (a Conv2d has name, type, inputs, in_channels, out_channels, ' +
          'kernel_size, stride, padding, dilation, groups, bias, padding_mode)',
      },
    ]);
  });

  it('a LayerNorm over several dimensions, which no GHN predicts', () => {
    const [fault] = layerFaults([{ name: 'norm', type: 'LayerNorm', normalized_shape: [8, 8] }]);
    expect(fault).toEqual({
      path: '/layers/0/normalized_shape',
      message:
        'must be one positive integer: a GHN predicts the norms of one dimension, the channels or features',
    });
  });

  it('channels that cannot be divided into groups or heads', () => {
    const conv = { name: 'conv', type: 'Conv2d', in_channels: 6, out_channels: 8, kernel_size: 1, groups: 4 };
    expect(layerFaults([conv])).toEqual([
      {
        path: '/layers/0/in_channels',
        message: '6 in_channels of Conv2d "conv" cannot be divided into 4 groups',
      },
    ]);
    const attention = { name: 'attention', type: 'MultiheadAttention', embed_dim: 10, num_heads: 4 };
    expect(layerFaults([attention]).map(({ path }) => path)).toEqual(['/layers/0/num_heads']);
  });

  it('a duplicate name, or the name of the network’s input', () => {
    expect(
      layerFaults([...tinyLayers(), { name: 'relu', type: 'ReLU' }, { name: 'input', type: 'ReLU' }]),
    ).toEqual([
      { path: '/layers/6/name', message: 'the name "relu" is an earlier layer’s too; each needs its own' },
      {
        path: '/layers/7/name',
        message: 'the name "input" is that of the network’s own input; each needs its own',
      },
    ]);
  });

  it('a name that a tensor has, or that two tensors would have', () => {
    const fc = { name: 'fc', type: 'Linear', in_features: 4, out_features: 4 };
    const other = { ...fc, name: 'fc.bias' };
    expect(layerFaults([fc, other])).toEqual([
      {
        path: '/layers/1/name',
        message: 'the name "fc.bias" is that of a tensor of Linear "fc"; each needs its own',
      },
    ]);
    expect(layerFaults([other, fc])).toEqual([
      {
        path: '/layers/1/name',
        message:
          'a tensor of Linear "fc" would be called "fc.bias", as a layer is; give the layer another name',
      },
    ]);
    const attention = { name: 'attention', type: 'MultiheadAttention', embed_dim: 4, num_heads: 2 };
    const projection = { ...fc, name: 'attention.out_proj', bias: false, inputs: ['input'] };
    expect(layerFaults([projection, { ...attention, inputs: ['input'] }])).toEqual([
      {
        path: '/layers/1/name',
        message:
          'a tensor of MultiheadAttention "attention" would be called "attention.out_proj.weight", as a tensor of ' +
          'Linear "attention.out_proj" is; give the layer another name',
      },
    ]);
  });

  it('the name of a safetensors file’s metadata', () => {
    const table = { name: '__metadata__', type: 'PositionEmbedding', shape: [4, 4] };
    expect(layerFaults([table]).map(({ path }) => path)).toEqual(['/layers/0/name']);
  });

  it('inputs that are not layers, come later, or are too many or too few', () => {
    const layers = tinyLayers();
    layers[1]!.inputs = ['conv_1'];
    layers[2]!.inputs = ['gap'];
    layers[3]!.inputs = ['pool'];
    layers[4]!.inputs = ['conv1', 'pool'];
    const faults = layerFaults([
      ...layers,
      { name: 'sum', type: 'Add' },
      { name: 'cat', type: 'Concat', inputs: ['sum'] },
    ]);
    expect(faults).toEqual([
      { path: '/layers/1/inputs/0', message: '"conv_1" is not the name of a layer; did you mean "conv1"?' },
      { path: '/layers/2/inputs/0', message: '"gap" is a later layer; a layer takes those before it' },
      { path: '/layers/3/inputs/0', message: '"pool" is the layer itself; a layer takes those before it' },
      {
        path: '/layers/4/inputs',
        message: 'AdaptiveAvgPool2d "gap" takes one input; join several with Add or Concat',
      },
      { path: '/layers/6/inputs', message: 'Add "sum" joins two layers or more: name them in inputs' },
      { path: '/layers/7/inputs', message: 'Concat "cat" joins two layers or more: name them in inputs' },
    ]);
  });

  it('more nodes or parameters than the limits', () => {
    expect(layerFaults(tinyLayers(), undefined, { ...LIMITS, maxNodes: 7 })).toEqual([
      { path: '/layers', message: '8 nodes, more than the 7 that this server takes (MAX_NODES)' },
    ]);
    expect(layerFaults(tinyLayers(), undefined, { ...LIMITS, maxParameters: 649 })).toEqual([
      {
        path: '/layers',
        message: '650 parameters, more than the 649 that this server takes (MAX_PARAMETERS)',
      },
    ]);
  });

  it('a value that is not a list of layers', () => {
    const faults = faultsOf(() =>
      parseArchitecture({ layers: [7, {}, { type: 'ReLU' }], input: [0], more: 1 }, LIMITS),
    );
    expect(faults.map(({ path }) => path)).toEqual([
      '/name',
      '/input/0',
      '/more',
      '/layers/0',
      '/layers/1',
      '/layers/2/name',
    ]);
    expect(faultsOf(() => parseArchitecture({ name: 'x', layers: {} }, LIMITS))).toEqual([
      { path: '/layers', message: 'expected an array, not an object' },
    ]);
  });
});
