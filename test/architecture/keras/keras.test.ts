import '@tensorflow/tfjs-backend-cpu';
import { layers as tf, sequential as tfSequential } from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { canonicalGraph, canonicalString } from '../../../src/architecture/canonical.js';
import { readKeras } from '../../../src/architecture/keras/parse.js';
import { kerasShape } from '../../../src/architecture/keras/variable.js';
import { parseArchitecture } from '../../../src/architecture/parse.js';
import { notPredicted, predictedTensors } from '../../../src/architecture/tensors.js';
import { KERAS_FIXTURES, kerasFixture } from '../../helpers/keras.js';
import { LIMITS } from '../fixtures.js';
import { edges, operations } from '../layers/layers.js';
import { functional, image, layer, network, sequential } from './keras.js';

const paths = (keras: unknown) => network(keras).keras!.layouts.map((layout) => layout.as);

describe('a model that Keras made', () => {
  it.each(KERAS_FIXTURES)('has the weights that Keras lists, %s', (name) => {
    const { model, weights } = kerasFixture(name);
    const { placed } = readKeras({ keras: model }, LIMITS);
    const read = placed
      .flatMap(({ variables }) => variables)
      .map((variable) => [variable.path, kerasShape(variable), variable.kind === 'parameter']);
    expect(read).toEqual(weights);
  });

  it.each(KERAS_FIXTURES)('is the same network as a graph, %s', (name) => {
    const architecture = network(kerasFixture(name).model);
    const { keras: _, ...network_ } = architecture;
    expect(parseArchitecture(canonicalGraph(architecture), LIMITS)).toEqual(network_);
  });

  it.each(['mobilenet', 'resnet', 'nested', 'attention', 'gated'])(
    'gives the same graph in either generation of Keras, %s',
    (name) => {
      const [two, three] = ['keras2', 'keras3'].map((generation) =>
        network(kerasFixture(`${name}.${generation}`).model),
      );
      expect(operations(two!)).toEqual(operations(three!));
      expect(two!.edges).toEqual(three!.edges);
    },
  );

  it('is read as an object, as the string of to_json, and in TensorFlow.js’ wrapper', () => {
    const { model } = kerasFixture('mobilenet.keras2');
    const expected = canonicalString(network(model));
    const topology = { keras_version: '2.15.0', backend: 'tensorflow', model_config: model };
    const forms = [
      JSON.stringify(model),
      topology,
      { modelTopology: topology },
      { format: 'layers-model', modelTopology: topology, weightsManifest: [] },
      { modelTopology: model },
    ];
    for (const form of forms) expect(canonicalString(network(form))).toBe(expected);
  });

  it('is read in the form that TensorFlow.js writes', () => {
    const model = tfSequential({
      name: 'tiny',
      layers: [
        tf.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3, name: 'conv' }),
        tf.batchNormalization({ name: 'norm' }),
        tf.globalAveragePooling2d({ name: 'pool' }),
        tf.dense({ units: 2, name: 'classes' }),
      ],
    });
    const names = model.weights.map((weight) => weight.originalName);
    expect(paths(model.toJSON(null, false)).sort()).toEqual(names.sort());
  });
});

describe('a Keras model', () => {
  it('is the same network as in PyTorch, with Keras’ paths as the names of its nodes', () => {
    const tiny = network(
      sequential(
        image(32, 32, 3),
        layer('Conv2D', 'conv', { filters: 16, kernel_size: [3, 3], activation: 'relu' }),
        layer('BatchNormalization', 'norm', { axis: [3] }),
        layer('MaxPooling2D', 'pool', { pool_size: [2, 2] }),
        layer('GlobalAveragePooling2D', 'average'),
        layer('Dense', 'classes', { units: 10 }),
      ),
    );
    expect(edges(tiny)).toEqual([
      'input > conv/kernel',
      'conv/kernel > conv/bias',
      'conv/bias > norm/gamma',
      'norm/gamma > max_pool_0',
      'max_pool_0 > glob_avg_0',
      'glob_avg_0 > classes/kernel',
      'classes/kernel > classes/bias',
    ]);
    expect(tiny.stateDict?.map(({ name, shape, kind }) => `${kind} ${name} ${shape.join('x')}`)).toEqual([
      'parameter conv.weight 16x3x3x3',
      'parameter conv.bias 16',
      'parameter norm.weight 16',
      'parameter norm.bias 16',
      'buffer norm.running_mean 16',
      'buffer norm.running_var 16',
      'parameter classes.weight 10x16',
      'parameter classes.bias 10',
    ]);
    expect(tiny.nodes.filter((node) => node.classifier).map(({ id }) => id)).toEqual([
      'classes/kernel',
      'classes/bias',
    ]);
  });

  it('has no node for the pool of a squeeze-and-excitation block, and a cse for its product', () => {
    const excited = network(
      functional(
        [image(8, 8, 16)],
        [layer('GlobalAveragePooling2D', 'squeeze'), 'image'],
        [layer('Reshape', 'reshape', { target_shape: [1, 1, 16] }), 'squeeze'],
        [layer('Dense', 'reduce', { units: 4, use_bias: false }), 'reshape'],
        [layer('Dense', 'expand', { units: 16, use_bias: false }), 'reduce'],
        [layer('Multiply', 'excite'), 'image', 'expand'],
      ),
    );
    expect(edges(excited)).toEqual([
      'input > reduce/kernel',
      'input > cse_0',
      'reduce/kernel > expand/kernel',
      'expand/kernel > cse_0',
    ]);
  });

  it.each([
    ['sep_conv', { groups: 4 }],
    ['dil_conv', { groups: 4, dilation_rate: [2, 2] }],
    ['conv', { dilation_rate: [2, 2] }],
  ])('has a convolution for a %s with %j', (op, config) => {
    const conv = layer('Conv2D', 'conv', { filters: 8, kernel_size: 3, use_bias: false, ...config });
    expect(operations(network(sequential(image(9, 9, 4), conv)))[0]?.split(' ')[0]).toBe(op);
  });

  it('accepts layers in any order, and has weights in the order of the list', () => {
    const model = functional(
      [layer('Dense', 'second', { units: 3 }), 'first'],
      [image(4, 4, 2)],
      [layer('Dense', 'first', { units: 5 }), 'image'],
    );
    model.config.output_layers = [['second', 0, 0]];
    expect(paths(model)).toEqual(['second/kernel', 'second/bias', 'first/kernel', 'first/bias']);
    expect(network(model).nodes.map(({ id }) => id)).toEqual([
      'input',
      'first/kernel',
      'first/bias',
      'second/kernel',
      'second/bias',
    ]);
  });

  it('may use a layer without weights more than once', () => {
    const model = functional(
      [image(8, 8, 3)],
      [layer('ReLU', 'relu'), 'image'],
      [layer('Conv2D', 'conv', { filters: 3, kernel_size: 1 }), 'relu'],
      [layer('Add', 'add'), 'conv', 'image'],
    );
    const [, relu, , add] = model.config.layers;
    relu!.inbound_nodes.push([['conv', 0, 0, {}]]);
    add!.inbound_nodes = [
      [
        ['relu', 1, 0, {}],
        ['image', 0, 0, {}],
      ],
    ];
    expect(edges(network(model))).toEqual([
      'input > conv/kernel',
      'input > sum_0',
      'conv/kernel > conv/bias',
      'conv/bias > sum_0',
    ]);
  });

  it('is read from the list of layers in the old form of Sequential', () => {
    const first = layer('Conv2D', 'conv', {
      batch_input_shape: [null, 8, 8, 3],
      filters: 4,
      kernel_size: [3, 3],
    });
    expect(paths({ class_name: 'Sequential', config: [first] })).toEqual(['conv/kernel', 'conv/bias']);
  });

  it('has a name for each of its weights, whatever the names of its layers are', () => {
    const model = sequential(
      image(8, 8),
      layer('MultiHeadAttention', 'a', { num_heads: 1, key_dim: 1, use_bias: false }),
      layer('Dense', 'a/query', { units: 2, use_bias: false }),
      sequential(image(8, 2), layer('Dense', 'a/query', { units: 2, use_bias: false })),
    );
    expect(paths(model)).toEqual([
      'a/query/kernel',
      'a/key/kernel',
      'a/value/kernel',
      'a/attention_output/kernel',
      'sequential/a/query/kernel',
      'sequential/sequential/a/query/kernel',
    ]);
  });

  it('accepts channels-first layouts', () => {
    const model = network(
      sequential(
        image(3, 9, 9),
        layer('Conv2D', 'conv', { filters: 4, kernel_size: 3, strides: 2, data_format: 'channels_first' }),
        layer('BatchNormalization', 'norm', { axis: 1 }),
        layer('Flatten', 'flatten'),
        layer('Dense', 'classes', { units: 2 }),
      ),
    );
    expect(predictedTensors(model).map(({ shape }) => shape)).toEqual([
      [4, 3, 3, 3],
      [4],
      [4],
      [4],
      [2, 64],
      [2],
    ]);
  });

  it('has parameters that no node owns: slopes, layer scales', () => {
    const model = network(
      sequential(
        image(8, 8, 3),
        layer('Conv2D', 'conv', { filters: 4, kernel_size: 3 }),
        layer('PReLU', 'slopes', { shared_axes: [1, 2] }),
        layer('LayerScale', 'scale', { projection_dim: 4 }),
      ),
    );
    expect(notPredicted(model)).toEqual(['slopes.alpha', 'scale.weight']);
  });

  it('differs from the same network in PyTorch, and from one with other activations', () => {
    const model = (activation: string) =>
      sequential(image(8, 8, 3), layer('Conv2D', 'conv', { filters: 4, kernel_size: 3, activation }));
    const strings = [
      canonicalString(network(model('relu'))),
      canonicalString(network(model('gelu'))),
      canonicalString(parseArchitecture(canonicalGraph(network(model('relu'))), LIMITS)),
    ];
    expect(new Set(strings).size).toBe(3);
  });

  it('does not depend on the order of its keys', () => {
    const { class_name, config } = sequential(image(8, 8, 3), layer('Dense', 'dense', { units: 2 }));
    expect(canonicalString(network({ config, class_name }))).toBe(
      canonicalString(network({ class_name, config })),
    );
  });
});
