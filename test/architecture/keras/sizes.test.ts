import { describe, expect, it } from 'vitest';
import { readKeras } from '../../../src/architecture/keras/parse.js';
import { kerasShape } from '../../../src/architecture/keras/variable.js';
import { kerasNetworks } from '../../helpers/keras.js';
import { faultsOf, LIMITS } from '../fixtures.js';
import { functional, image, kerasFaults, type Layer, layer, sequential } from './keras.js';

/** Returns the shapes of a model's weights, by path. Layers that cannot be predicted are left out. */
const shapesOf = (keras: unknown) =>
  Object.fromEntries(
    readKeras({ keras }, LIMITS, 'skip')
      .placed.flatMap(({ variables }) => variables)
      .map((variable) => [variable.path, kerasShape(variable)]),
  );

const faultsOfSkipping = (keras: unknown) => faultsOf(() => readKeras({ keras }, LIMITS, 'skip'));

/** Returns a TensorFlow function in a model of Keras 2. */
const called = (name: string): Layer => layer('TFOpLambda', name, { function: name });

const WEIGHTED: readonly Layer[] = [
  layer('Conv2D', 'behind', { filters: 2, kernel_size: 1 }),
  layer('DepthwiseConv2D', 'behind', { kernel_size: 1 }),
  layer('SeparableConv2D', 'behind', { filters: 2, kernel_size: 1 }),
  layer('Dense', 'behind', { units: 2 }),
  layer('BatchNormalization', 'behind'),
  layer('LayerNormalization', 'behind'),
  layer('Normalization', 'behind'),
  layer('PReLU', 'behind'),
  layer('MultiHeadAttention', 'behind', { num_heads: 2, key_dim: 3 }),
];

describe('no weight’s shape is guessed', () => {
  it.each(WEIGHTED.map((behind) => [String(behind.class_name), behind] as const))(
    'a %s after a layer of unknown size is refused, with a remedy',
    (type, behind) => {
      const model = functional(
        [image(8, 8, 3)],
        [called('image.rot90'), 'image'],
        [behind, 'image.rot90'],
        [layer('Dense', 'last', { units: 2 }), 'behind'],
      );
      expect(kerasFaults(model)).toContainEqual({
        path: '/keras/config/layers/2',
        message:
          `the weights of ${type} "behind" depend on the size of what TFOpLambda "image.rot90" gives, which is not known ` +
          'here: put a Reshape to that size between them, or write the model with Keras 3, which says sizes',
      });
    },
  );

  it('a Reshape determines the size', () => {
    const model = functional(
      [image(8, 8, 3)],
      [called('image.rot90'), 'image'],
      [layer('Reshape', 'known', { target_shape: [8, 8, 3] }), 'image.rot90'],
      [layer('Dense', 'last', { units: 2 }), 'known'],
    );
    expect(shapesOf(model)).toMatchObject({ 'last/kernel': [3, 2] });
  });

  it('a size that no weight depends on need not be known', () => {
    const model = functional(
      [image(8, 8, 3)],
      [layer('Conv2D', 'conv', { filters: 2, kernel_size: 1 }), 'image'],
      [called('image.rot90'), 'conv'],
    );
    expect(kerasFaults(model)).toEqual([]);
  });

  it.each<[type: string, config: object, size: readonly number[] | null]>([
    ['Conv2DTranspose', { filters: 5, kernel_size: 3, strides: 2, padding: 'same' }, [16, 16, 5]],
    ['Conv2DTranspose', { filters: 5, kernel_size: 3, strides: 2 }, [17, 17, 5]],
    ['Conv2DTranspose', { filters: 5, kernel_size: 3, output_padding: 1 }, null],
    ['GroupNormalization', {}, [8, 8, 6]],
    ['Lambda', { output_shape: [4, 9] }, [4, 9]],
    ['Lambda', { output_shape: null }, null],
    ['SpectralNormalization', { layer: layer('Conv2D', 'c', { filters: 7, kernel_size: 3 }) }, [6, 6, 7]],
    ['TimeDistributed', { layer: layer('Dense', 'd', { units: 7 }) }, [8, 8, 7]],
    ['TimeDistributed', { layer: layer('GRU', 'g', { units: 7, return_sequences: true }) }, [8, 8, 7]],
    ['TimeDistributed', { layer: layer('Reshape', 'r', { target_shape: [48] }) }, null],
    ['EinsumDense', { equation: 'abcd,de->abce', output_shape: [8, 8, 4] }, null],
    ['Elsewhere>Layer', {}, null],
    ['PatchNormalization', {}, null],
  ])('a left out %s, %o, gives %o', (type, config, size) => {
    const model = sequential(
      image(8, 8, 6),
      layer(type, 'left', config),
      layer('Flatten', 'flat'),
      layer('Dense', 'last', { units: 2 }),
    );
    if (size) {
      const features = size.reduce((product, n) => product * n, 1);
      expect(shapesOf(model)).toMatchObject({ 'last/kernel': [features, 2] });
    } else {
      expect(faultsOfSkipping(model).map(({ message }) => message)).toEqual([
        expect.stringContaining('put a Reshape to that size between them'),
      ]);
    }
  });

  it.each<[type: string, config: object, size: readonly number[]]>([
    ['Conv1D', { filters: 5, kernel_size: 3, strides: 2 }, [4, 5]],
    ['Conv1D', { filters: 5, kernel_size: 3, padding: 'causal' }, [10, 5]],
    ['Conv1D', { filters: 5, kernel_size: 3, data_format: 'channels_first' }, [5, 4]],
    ['Conv1DTranspose', { filters: 5, kernel_size: 3, strides: 2, padding: 'same' }, [20, 5]],
    ['MaxPooling1D', { pool_size: 3 }, [3, 6]],
    ['GlobalMaxPooling1D', {}, [6]],
    ['GlobalMaxPooling1D', { data_format: 'channels_first' }, [10]],
    ['LSTM', { units: 7 }, [7]],
    ['GRU', { units: 7, return_sequences: true }, [10, 7]],
    ['Bidirectional', { layer: layer('LSTM', 'l', { units: 7 }) }, [14]],
    [
      'Bidirectional',
      { merge_mode: 'sum', layer: layer('LSTM', 'l', { units: 7, return_sequences: true }) },
      [10, 7],
    ],
    ['Embedding', { output_dim: 3 }, [10, 6, 3]],
  ])('for series, a left out %s, %o, gives %o', (type, config, size) => {
    const model = sequential(
      image(10, 6),
      layer(type, 'left', config),
      layer('Flatten', 'flat'),
      layer('Dense', 'last', { units: 2 }),
    );
    const features = size.reduce((product, n) => product * n, 1);
    expect(shapesOf(model)).toMatchObject({ 'last/kernel': [features, 2] });
  });

  it('for frames, a left out ConvLSTM2D gives one or all', () => {
    const config = { filters: 4, kernel_size: 3, padding: 'same', strides: 2 };
    const model = (more: object) =>
      sequential(
        image(5, 8, 8, 3),
        layer('ConvLSTM2D', 'left', { ...config, ...more }),
        layer('Flatten', 'flat'),
        layer('Dense', 'last', { units: 2 }),
      );
    expect(shapesOf(model({}))).toMatchObject({ 'last/kernel': [64, 2] });
    expect(shapesOf(model({ return_sequences: true }))).toMatchObject({ 'last/kernel': [320, 2] });
  });
});

interface KerasLayer {
  class_name: string;
  module: string | null;
  registered_name: string | null;
  config: Record<string, unknown>;
}

/** Returns a network of Keras 3 after a change of its layers. */
const changed = (name: string, change: (layers: KerasLayer[]) => void) => {
  const model = structuredClone(kerasNetworks('keras3').get(name)!.model) as {
    config: { layers: KerasLayer[] };
  };
  change(model.config.layers);
  return model;
};

const find = (layers: readonly KerasLayer[], type: string) =>
  layers.find(({ class_name: found }) => found === type)!;

describe('the sizes that Keras 3 records', () => {
  it('are used if the layer does not give its own', () => {
    expect(shapesOf(changed('operations_named_like_layers', () => {}))).toMatchObject({
      'dense/kernel': [8, 5],
    });
  });

  it('are ignored for a layer that was changed by hand', () => {
    const model = changed('shared_layers', (layers) => {
      find(layers, 'Conv2D').config.filters = 9;
    });
    expect(shapesOf(model)).toMatchObject({ 'norm/gamma': [9], 'classes/kernel': [6 * 6 * 9, 2] });
  });

  it('are refused after such a layer if a weight depends on them', () => {
    const model = changed('operations_on_images', (layers) => {
      find(layers, 'Conv2D').config.filters = 9;
    });
    expect(kerasFaults(model)).toEqual([
      {
        path: expect.stringMatching(/^\/keras\/config\/layers\/\d+$/) as string,
        message: expect.stringContaining('write the JSON again with model.to_json()') as string,
      },
    ]);
  });
});

describe('a custom class', () => {
  const own = (given: Partial<KerasLayer>) =>
    changed('layers_by_keyword', (layers) => {
      Object.assign(find(layers, 'Conv2D'), given);
    });

  it.each([
    { module: 'mine.layers', registered_name: 'mine>Conv2D' },
    { module: null, registered_name: 'Custom>Conv2D' },
    { module: null, registered_name: 'Conv2D' },
    { module: 'keras_cv.layers', registered_name: null },
  ])('is not confused with the class of Keras that has its name: %o', (given) => {
    expect(kerasFaults(own(given))).toEqual([
      {
        path: '/keras/config/layers/1/class_name',
        message: expect.stringMatching(/^"Conv2D" cannot be predicted: it is a custom class/) as string,
      },
    ]);
  });

  it.each([
    'keras.layers',
    'keras.src.layers.convolutional.conv2d',
    'tf_keras.layers',
    'tensorflow.keras.layers',
  ])('is not confused with one of %s', (module) => {
    expect(kerasFaults(own({ module, registered_name: 'Conv2D' }))).toEqual([]);
  });

  it('is not a Sequential because it contains layers', () => {
    const block = layer('Block', 'block', { layers: [layer('Dense', 'a', { units: 2 })] });
    expect(kerasFaults(sequential(image(8), block))[0]!.message).toMatch(/"Block" is not a layer whose/);
  });
});

it('a quantized layer is refused', () => {
  const policy = { class_name: 'QuantizedDTypePolicy', config: { mode: 'int8', source_name: 'float32' } };
  const model = sequential(image(8), layer('Dense', 'd', { units: 2, dtype: policy }));
  expect(kerasFaults(model)[0]!.message).toMatch(/its kernel is quantized.*as it was before quantize\(\)/);
});

it('LoRA’s factors are listed among the tensors that are not predicted', () => {
  const { architecture } = readKeras(
    { keras: kerasNetworks('keras3').get('low_rank_adaptation')!.model },
    LIMITS,
  );
  const predicted = new Set(architecture.nodes.flatMap(({ weight }) => weight?.name ?? []));
  const others = architecture.stateDict!.filter(({ name }) => name.includes('lora'));
  expect(others.map(({ name, shape }) => `${name} ${shape}`)).toEqual([
    'conv.lora_kernel_a 3,3,3,2',
    'conv.lora_kernel_b 2,4',
    'dense.lora_kernel_a 4,3',
    'dense.lora_kernel_b 3,5',
  ]);
  expect(others.some(({ name }) => predicted.has(name))).toBe(false);
});
