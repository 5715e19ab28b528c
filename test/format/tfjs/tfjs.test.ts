import { describe, expect, it } from 'vitest';
import { readKeras } from '../../../src/architecture/keras/parse.js';
import { kerasShape } from '../../../src/architecture/keras/variable.js';
import { type TfjsFiles, tfjsFiles } from '../../../src/format/tfjs/tfjs.js';
import { elements, tensorSource } from '../../../src/tensor/tensor.js';
import { LIMITS } from '../../architecture/fixtures.js';
import { functional, image, type Layer, layer, sequential } from '../../architecture/keras/keras.js';
import { kerasFixture } from '../../helpers/keras.js';
import { tensorOf } from '../../tensor/arbitrary.js';
import { read as bytesOf } from '../bytes.js';

interface ModelJson {
  readonly modelTopology: {
    readonly model_config: { readonly config: { readonly layers: readonly Layer[] } };
  };
  readonly weightsManifest: readonly [
    {
      readonly paths: readonly string[];
      readonly weights: readonly {
        readonly name: string;
        readonly shape: readonly number[];
        readonly dtype: string;
      }[];
    },
  ];
}

/** Returns the files of a model. The weights that `isPredicted` selects are predicted; all of their values are 0.5. */
function filesOf(keras: unknown, isPredicted: (path: string) => boolean = () => true, seed = 0): TfjsFiles {
  const read = readKeras({ keras }, LIMITS);
  const variables = read.placed.flatMap((placed) => placed.variables);
  const tensors = variables
    .filter(({ path, kind }) => kind === 'parameter' && isPredicted(path))
    .map((variable) => tensorOf(variable.path, kerasShape(variable), kerasShape(variable), () => 0.5));
  return tfjsFiles(read, { tensors: tensors.map(tensorSource), seed, generatedBy: 'test', metadata: {} });
}

const modelJson = (files: TfjsFiles) => files.model as ModelJson;
const layersOf = (files: TfjsFiles) => modelJson(files).modelTopology.model_config.config.layers;

/** Converts the only layer after an image of 8 by 8 by 6. */
function converted(type: string, config: object): Layer {
  const [, last] = layersOf(filesOf(sequential(image(8, 8, 6), layer(type, 'layer', config))));
  return last!;
}

/** Returns the weights in the shards by name, as a loader reads them. */
async function weightsOf(files: TfjsFiles): Promise<Map<string, Float32Array>> {
  const [{ paths, weights }] = modelJson(files).weightsManifest;
  const shards = await Promise.all(paths.map((path) => bytesOf(files.shards.get(path)!)));
  const bytes = Buffer.concat(shards);
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  let at = 0;
  return new Map(
    weights.map(({ name, shape }) => {
      const from = at;
      at += elements(shape);
      return [name, values.subarray(from, at)];
    }),
  );
}

describe('a TensorFlow.js model', () => {
  it('describes an input’s shape as Keras 2 does, and omits the parts for training', () => {
    const [input, conv] = layersOf(filesOf(kerasFixture('mobilenet.keras3').model));
    expect(input?.config).toEqual({
      batch_input_shape: [null, 32, 32, 3],
      dtype: 'float32',
      sparse: false,
      name: 'image',
    });
    expect(conv?.config).toEqual({
      name: 'conv1',
      trainable: true,
      dtype: 'float32',
      filters: 16,
      kernel_size: [3, 3],
      strides: [2, 2],
      padding: 'same',
      data_format: 'channels_last',
      dilation_rate: [1, 1],
      use_bias: false,
      activation: 'linear',
    });
  });

  it.each<[what: string, type: string, config: object, expected: string, values: object]>([
    ['a slope', 'LeakyReLU', { negative_slope: 0.1 }, 'LeakyReLU', { alpha: 0.1 }],
    ['a leaky ReLU', 'ReLU', { negative_slope: 0.2, max_value: null }, 'LeakyReLU', { alpha: 0.2 }],
    ['a bounded ReLU', 'ReLU', { max_value: 6, negative_slope: 0, threshold: 0 }, 'ReLU', { max_value: 6 }],
    ['silu', 'Activation', { activation: 'silu' }, 'Activation', { activation: 'swish' }],
    ['the list of an axis', 'BatchNormalization', { axis: [3] }, 'BatchNormalization', { axis: -1 }],
    [
      'a global pool that keeps dimensions',
      'GlobalAveragePooling2D',
      { keepdims: true },
      'AveragePooling2D',
      { pool_size: [8, 8], strides: [1, 1], padding: 'valid' },
    ],
    [
      'a dropout of channels',
      'SpatialDropout2D',
      { rate: 0.5 },
      'Dropout',
      { noise_shape: [null, 1, 1, null] },
    ],
    ['an augmentation', 'RandomFlip', { mode: 'horizontal' }, 'Activation', { activation: 'linear' }],
    [
      'a normalisation',
      'Normalization',
      { axis: [-1], mean: [1, 2], variance: [4, 16] },
      'Rescaling',
      { scale: [0.5, 0.25], offset: [-0.5, -0.5] },
    ],
    [
      'a normalisation by nothing yet',
      'Normalization',
      { mean: null },
      'Activation',
      { activation: 'linear' },
    ],
  ])('has %s in its own form', (_, type, config, expected, values) => {
    const last = converted(type, config);
    expect(last.class_name).toBe(expected);
    expect(last.config).toMatchObject({ name: 'layer', ...values });
  });

  it('does not flatten a flat input', () => {
    const model = sequential(
      image(8, 8, 6),
      layer('GlobalMaxPooling2D', 'pool'),
      layer('Flatten', 'flatten'),
    );
    expect(layersOf(filesOf(model))[2]?.class_name).toBe('Activation');
  });

  it.each<[type: string, config: object, message: string]>([
    ['Conv2D', { filters: 6, kernel_size: 1, groups: 2 }, 'no groups 2, as Conv2D "layer" has it'],
    ['DepthwiseConv2D', { kernel_size: 3, dilation_rate: [2, 2] }, 'no dilation_rate [2,2]'],
    ['Dense', { units: 2, activation: 'hard_silu' }, 'no activation "hard_silu"'],
    ['LayerScale', { projection_dim: 6 }, 'no layers of this class, as LayerScale "layer" has it'],
    ['ReLU', { threshold: 1 }, 'no threshold 1'],
    ['Normalization', { axis: 1, mean: [1], variance: [1] }, 'no normalisation other than of the last axis'],
  ])('does not exist for %s %j', (type, config, message) => {
    expect(() => converted(type, config)).toThrow(message);
  });

  it('is refused if two layers would have the same name', () => {
    const head = (name: string) => ({
      class_name: 'Sequential',
      config: {
        name,
        layers: [
          layer('InputLayer', `${name}_input`, { batch_shape: [null, 6] }),
          layer('Dense', 'dense', { units: 6 }),
        ],
      },
    });
    const model = sequential(layer('InputLayer', 'image', { batch_shape: [null, 6] }), head('a'), head('b'));
    expect(() => filesOf(model)).toThrow('cannot tell two layers called "dense" apart');
  });

  it('numbers the calls of models as Keras 2 does: the first creates the model', () => {
    for (const generation of ['keras2', 'keras3']) {
      const { config } = modelJson(filesOf(kerasFixture(`nested.${generation}`).model)).modelTopology
        .model_config;
      const [, , join] = config.layers as unknown as { inbound_nodes: unknown }[];
      expect(JSON.stringify(join?.inbound_nodes)).toContain('["backbone",1,0,{}]');
    }
  });
});

describe('the weights of a TensorFlow.js model', () => {
  it('are the predicted ones, and the initial values of all others', async () => {
    const model = sequential(
      image(8, 8, 6),
      layer('DepthwiseConv2D', 'depthwise', { kernel_size: 3 }),
      layer('BatchNormalization', 'norm', { gamma_initializer: 'zeros' }),
      layer('PReLU', 'slopes', {
        shared_axes: [1, 2],
        alpha_initializer: { class_name: 'Constant', config: { value: 0.25 } },
      }),
      layer('Flatten', 'flatten'),
      layer('Dense', 'classes', { units: 4 }),
    );
    const files = filesOf(model, (path) => path.startsWith('depthwise'));
    const weights = await weightsOf(files);
    const constants = [...weights].filter(([name]) => name !== 'classes/kernel');
    expect(constants.map(([name, values]) => [name, [...new Set(values)]])).toEqual([
      ['depthwise/depthwise_kernel', [0.5]],
      ['depthwise/bias', [0.5]],
      ['norm/gamma', [0]],
      ['norm/beta', [0]],
      ['norm/moving_mean', [0]],
      ['norm/moving_variance', [1]],
      ['slopes/alpha', [0.25]],
      ['classes/bias', [0]],
    ]);
    const kernel = weights.get('classes/kernel')!;
    const deviation = Math.sqrt(kernel.reduce((sum, value) => sum + value * value, 0) / kernel.length);
    expect(deviation / Math.sqrt(2 / (6 * 36 + 4))).toBeCloseTo(1, 0);
  });

  it('have the same initial values with the same seed', async () => {
    const kernel = async (seed: number) => {
      const model = functional([image(8, 8, 6)], [layer('Dense', 'classes', { units: 4 }), 'image']);
      return (await weightsOf(filesOf(model, () => false, seed))).get('classes/kernel');
    };
    expect(await kernel(1)).toEqual(await kernel(1));
    expect(await kernel(1)).not.toEqual(await kernel(2));
  });

  it('are in shards of 32 MiB, in order', async () => {
    const units = 9_000;
    const model = sequential(
      layer('InputLayer', 'input', { batch_input_shape: [null, 1000] }),
      layer('Dense', 'dense', { units }),
    );
    const files = filesOf(model);
    const sizes = [...files.shards].map(([path, source]) => [path, source.byteLength]);
    const bytes = 4 * (1000 * units + units);
    expect(sizes).toEqual([
      ['group1-shard1of2.bin', 2 ** 25],
      ['group1-shard2of2.bin', bytes - 2 ** 25],
    ]);
    const kernel = (await weightsOf(files)).get('dense/kernel')!;
    expect(kernel.every((value) => value === 0.5)).toBe(true);
  });
});
