import { describe, expect, it } from 'vitest';
import type { Limits } from '../../../src/architecture/limits.js';
import { parseArchitecture } from '../../../src/architecture/parse.js';
import { faultsOf, LIMITS } from '../fixtures.js';
import { calledWithin, functional, image, kerasFaults, type Layer, layer, sequential } from './keras.js';

const SMALL: Limits = { maxNodes: 10, maxParameters: 1e9 };

const LAYERS = '/keras/config/layers';

const afterImage = (...layers: unknown[]) => sequential(image(8, 8, 6), ...layers);

describe('a Keras model is refused', () => {
  it.each<[what: string, model: unknown, path: string, message: RegExp]>([
    ['a text that is not JSON', '{"class_name"', '/keras', /expected the JSON of a model/],
    [
      'a TensorFlow.js graph model',
      { format: 'graph-model', modelTopology: { node: [] } },
      '/keras',
      /no layers, only/,
    ],
    [
      'a graph of TensorFlow’s',
      { node: [{ op: 'Placeholder', name: 'x' }] },
      '/keras',
      /graph model has no layers/,
    ],
    [
      'a config',
      { name: 'm', layers: [] },
      '/keras',
      /what model.get_config\(\) gives.*; send what model.to_json/,
    ],
    ['a text within a text', JSON.stringify('{"class_name": "Sequential"}'), '/keras', /encoded twice/],
    ['a path', 'model.keras', '/keras', /a path to a file that the service cannot see/],
    ['an ONNX file’s path', 'resnet.onnx', '/keras', /an ONNX model has neither the names/],
    ['an ONNX model as JSON', { irVersion: '8', graph: {} }, '/keras', /an ONNX model has neither the names/],
    ['a .keras file', 'UEsDBBQAAAAI', '/keras', /a .keras file, which is a zip archive/],
    ['an HDF5 file', 'iUhERg0KGgo', '/keras', /an HDF5 file/],
    ['a number', 3, '/keras', /expected a model, an object with a class_name and a config, not 3/],
    ['a subclass', { class_name: 'MyModel', config: {} }, '/keras', /only Sequential and Functional models/],
    ['no layers', sequential(), LAYERS, /one or more/],
    ['a layer that is none', afterImage(3), `${LAYERS}/1`, /expected a layer, .* not 3/],
    [
      'a layer without a name',
      afterImage({ class_name: 'ReLU', config: {} }),
      `${LAYERS}/1/config/name`,
      /missing/,
    ],
    [
      'a name twice',
      afterImage(layer('ReLU', 'a'), layer('ReLU', 'a')),
      `${LAYERS}/2/config/name`,
      /layer 1’s too/,
    ],
    ['an unknown class', afterImage(layer('Conv2d', 'c')), `${LAYERS}/1/class_name`, /did you mean "Conv2D"/],
    [
      'a transposed convolution',
      afterImage(layer('Conv2DTranspose', 'c')),
      `${LAYERS}/1/class_name`,
      /UpSampling2D and Conv2D/,
    ],
    ['code', afterImage(layer('Lambda', 'c')), `${LAYERS}/1/class_name`, /a program, not a layer/],
    [
      'no filters',
      afterImage(layer('Conv2D', 'c', { kernel_size: 3 })),
      `${LAYERS}/1/config/filters`,
      /missing/,
    ],
    [
      'half a unit',
      afterImage(layer('Dense', 'd', { units: 1.5 })),
      `${LAYERS}/1/config/units`,
      /positive integer/,
    ],
    [
      'groups that do not divide the channels',
      afterImage(layer('Conv2D', 'c', { filters: 8, kernel_size: 1, groups: 4 })),
      `${LAYERS}/1/config/groups`,
      /the 6 channels that the input "image" gives Conv2D "c" cannot be divided into 4 groups/,
    ],
    [
      'a window larger than what it goes over',
      afterImage(layer('MaxPooling2D', 'p', { pool_size: 9 })),
      `${LAYERS}/1`,
      /a window of 9 × 9, which does not fit into \[8, 8, 6\], the output of the input "image"/,
    ],
    [
      'an image where there is none',
      afterImage(layer('Flatten', 'f'), layer('Conv2D', 'c', { filters: 1, kernel_size: 1 })),
      `${LAYERS}/2`,
      /Conv2D "c" takes images, but Flatten "f" gives \[384\]/,
    ],
    [
      'an impossible shape',
      afterImage(layer('Reshape', 'r', { target_shape: [7, -1] })),
      `${LAYERS}/1/config/target_shape`,
      /cannot make \[7, -1\] of \[8, 8, 6\]/,
    ],
    [
      'an axis that is not there',
      afterImage(layer('BatchNormalization', 'n', { axis: 4 })),
      `${LAYERS}/1/config/axis`,
      /axis 4, but the input "image" gives \[8, 8, 6\], axes 1 to 3/,
    ],
    [
      'a norm over two axes',
      afterImage(layer('LayerNormalization', 'n', { axis: [1, 2] })),
      `${LAYERS}/1/class_name`,
      /2 axes/,
    ],
    [
      'a model without its input',
      sequential(layer('Dense', 'd', { units: 1 })),
      `${LAYERS}/0/config`,
      /does not give its input shape/,
    ],
    [
      'channels that are not known',
      sequential(image(8, 8, null), layer('Conv2D', 'c', { filters: 1, kernel_size: 1 })),
      `${LAYERS}/1`,
      /depend on the channels of the input "image", which are not known/,
    ],
  ])('with %s', (_, model, path, message) => {
    const [fault, ...others] = kerasFaults(model);
    expect(fault).toEqual({ path, message: expect.stringMatching(message) as string });
    expect(others).toEqual([]);
  });

  it.each<[what: string, model: ReturnType<typeof functional>, path: string, message: RegExp]>([
    [
      'a reference to nowhere',
      functional([image(8, 8, 6)], [layer('ReLU', 'a'), 'imag']),
      `${LAYERS}/1/inbound_nodes/0/0`,
      /"imag" is not the name of a layer; did you mean "image"/,
    ],
    [
      'inputs that do not fit each other',
      functional(
        [image(8, 8, 6)],
        [layer('Dense', 'd', { units: 5 }), 'image'],
        [layer('Add', 'a'), 'd', 'image'],
      ),
      `${LAYERS}/2`,
      /Dense "d" gives \[8, 8, 5\], the input "image" gives \[8, 8, 6\]/,
    ],
    [
      'an output that the layer does not have',
      functional([image(8, 8, 6)], [layer('ReLU', 'a'), 'image'], [layer('ReLU', 'b'), 'a']),
      `${LAYERS}/2/inbound_nodes/0/0`,
      /"a" has one output here, so there is none of number 3/,
    ],
    [
      'a cycle',
      functional([image(8, 8, 6)], [layer('Add', 'a'), 'image', 'b'], [layer('ReLU', 'b'), 'a']),
      LAYERS,
      /a cycle among 2 layers, or after one: "a", "b"/,
    ],
  ])('with %s', (what, model, path, message) => {
    if (what.startsWith('an output')) model.config.layers[2]!.inbound_nodes = [[['a', 0, 3, {}]]];
    expect(kerasFaults(model)).toEqual([{ path, message: expect.stringMatching(message) as string }]);
  });

  it('with weights that are used twice, for inputs of different sizes', () => {
    const model = functional(
      [image(8, 8, 6)],
      [layer('Dense', 'shared', { units: 5 }), 'image'],
      [layer('ReLU', 'relu'), 'shared'],
    );
    model.config.layers[1]!.inbound_nodes.push([['relu', 0, 0, {}]]);
    expect(kerasFaults(model)).toEqual([
      {
        path: `${LAYERS}/1`,
        message:
          'Dense "shared" is used more than once: its kernel would be [5, 5] here, but is [5, 6] at the first use',
      },
    ]);
  });

  it('with every fault at once', () => {
    const faults = kerasFaults(
      afterImage(layer('Dense', 'a', { units: 0 }), layer('GRU', 'b'), layer('Conv2D', 'c', { filters: 1 })),
    );
    expect(faults.map(({ path }) => path)).toEqual([
      `${LAYERS}/1/config/units`,
      `${LAYERS}/2/class_name`,
      `${LAYERS}/3/config/kernel_size`,
    ]);
  });

  it('with other keys beside it', () => {
    const model = afterImage(layer('Dense', 'd', { units: 1 }));
    const faults = faultsOf(() => parseArchitecture({ keras: model, num_classes: 3 }, LIMITS));
    expect(faults.map(({ path }) => path)).toEqual(['/num_classes']);
  });
});

describe('the cost of a hostile model is limited', () => {
  it('in the part of an argument’s name that its faults repeat', () => {
    const model = functional([image(8, 8, 6)], [layer('Add', 'sum'), 'image']);
    const kwargs = { ['k'.repeat(150_000)]: Array(100).fill(['nope', 0, 0]) };
    model.config.layers[1]!.inbound_nodes = [{ args: [], kwargs }] as never;
    const faults = kerasFaults(model);
    expect(faults).toHaveLength(100);
    expect(faults[0]!.path).toBe(`${LAYERS}/1/inbound_nodes/0/kwargs/${'k'.repeat(200)}…/0`);
    expect(JSON.stringify(faults).length).toBeLessThan(100_000);
  });

  it('in the number of its layers', () => {
    const layers = Array.from({ length: 41 }, (_, k) => layer('ReLU', `relu_${k}`));
    const [fault] = kerasFaults(afterImage(...layers), SMALL);
    expect(fault).toEqual({
      path: LAYERS,
      message: '42 layers, more than the 40 that this server takes (MAX_NODES)',
    });
  });

  it('in the number of times that nested models use their layers', () => {
    const relu = functional([image(8, 8, 6)], [layer('ReLU', 'relu'), 'image']);
    const model = calledWithin(relu, 20, 8);
    expect(kerasFaults(model).at(-1)?.message).toMatch(/used more often than the 20000 times/);
  });

  it.each([
    ['inputs alone', calledWithin(functional([image(4)]), 20, 9)],
    [
      'a sum of many',
      calledWithin(functional([image(4)], [layer('Add', 'sum'), ...Array(900).fill('image')]), 400),
    ],
  ])('in the number of times that nested models are read which have %s', (_, model) => {
    const [fault, ...others] = kerasFaults(model);
    expect(fault).toEqual({
      path: expect.stringMatching(/^\/keras\/config\/layers(\/1\/config\/layers)+$/) as string,
      message:
        'models within models add up to more uses of layers and of their outputs than the 320000 that this server ' +
        'takes (MAX_NODES); call them less often',
    });
    expect(others).toEqual([]);
  });

  it('although a model may be called several times, in one that is called several times too', () => {
    expect(kerasFaults(calledWithin(functional([image(4)]), 2, 9))).toEqual([]);
  });

  it('in the number of layer outputs that a call takes', () => {
    const takes = (count: number) =>
      functional([image(8, 8, 6)], [layer('Add', 'sum'), ...Array<string>(count).fill('image')]);
    expect(kerasFaults(takes(1000))).toEqual([]);
    expect(kerasFaults(takes(1001))).toEqual([
      {
        path: `${LAYERS}/1/inbound_nodes/0`,
        message: 'takes more outputs of layers than the 1000 that one call may; join some of them first',
      },
    ]);
  });

  it('in the length of its own name, with which its weights’ names begin', () => {
    const dense = Array.from({ length: 500 }, (_, i) => layer('Dense', `dense_${i}`, { units: 1 }));
    const model = sequential(layer('InputLayer', 'in', { batch_shape: [null, 4] }), ...dense);
    const named = { ...model, config: { ...model.config, name: 'm'.repeat(100_000) } };
    const message = 'a name has at most 512 characters';
    expect(kerasFaults(named)).toEqual([{ path: '/keras/config/name', message }]);
    expect(kerasFaults(sequential(named))).toEqual([{ path: `${LAYERS}/0/config/name`, message }]);
  });

  it.each(['input_layers', 'output_layers'] as const)('in the number of %s that it names', (key) => {
    const model = functional([image(8, 8, 6)], [layer('ReLU', 'relu'), 'image']);
    model.config[key] = Array(1001).fill(['image', 0, 0]);
    expect(kerasFaults(model)).toEqual([
      {
        path: `/keras/config/${key}`,
        message: 'names 1001 layers, more than the 1000 that a model may have here',
      },
    ]);
  });

  it.each<[what: string, value: unknown, limits: Limits]>([
    ['each an object', { class_name: 'Sequential', config: Array(2560).fill({}) }, SMALL],
    ['all in one list', afterImage(layer('ReLU', 'relu', { more: Array(2560).fill(1) })), SMALL],
    ['as a text', `[${'{},'.repeat(1280)}{}]`, SMALL],
  ])('in the number of values in its JSON, %s', (_, model, limits) => {
    expect(kerasFaults(model, limits)).toEqual([
      {
        path: '/keras',
        message:
          'expected a model of no more than the 2560 values in its JSON that this server takes (MAX_NODES)',
      },
    ]);
  });

  it('in the number of keys of an object in it', () => {
    const keys = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`key${i}`, i]));
    expect(kerasFaults(afterImage(layer('ReLU', 'relu', { keys })))).toEqual([
      { path: '/keras', message: 'expected a model, whose objects have no more than 1000 keys each' },
    ]);
  });

  it('in the number of calls of its layers, even calls without inputs', () => {
    const model = functional([image(8, 8, 6)], [layer('ReLU', 'relu'), 'image']);
    model.config.layers[1]!.inbound_nodes = Array(41).fill([]);
    expect(kerasFaults(model, SMALL)).toEqual([
      {
        path: `${LAYERS}/1/inbound_nodes`,
        message: 'layers are called more often than the 40 times that this server takes (MAX_NODES)',
      },
    ]);
  });

  it('although a text with the largest number of values is read', () => {
    const [fault] = kerasFaults(`[${'0,'.repeat(2558)}0]`, SMALL);
    expect(fault!.message).toMatch(/expected a model, an object with a class_name and a config/);
  });

  it('in the number of its layers’ nodes, before the last is read', () => {
    const attention = (_: unknown, i: number) =>
      layer('MultiHeadAttention', `a_${i}`, { num_heads: 1, key_dim: 1 });
    const layers = Array.from({ length: 30 }, attention);
    expect(kerasFaults(sequential(image(8, 8), ...layers), SMALL)).toEqual([
      {
        path: `${LAYERS}/5`,
        message: 'the layers up to this one have more than 40 nodes: the network is too large',
      },
    ]);
  });

  it('in the depth of its values', () => {
    let value: unknown = 0;
    for (let depth = 0; depth < 50_000; depth++) value = [value];
    expect(kerasFaults(afterImage(layer('ReLU', 'relu', { value })))).toEqual([
      { path: '/keras', message: 'expected a model, not values within values, more than 100 deep' },
    ]);
  });

  it('in its nodes and its parameters, like every architecture', () => {
    const model = afterImage(layer('Dense', 'dense', { units: 1e9 }));
    expect(kerasFaults(model)).toEqual([
      { path: '/keras', message: expect.stringMatching(/parameters, more than the 2000000000/) as string },
    ]);
  });
});

it('and a fault of a layer with a thousand inputs names only a few of them', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `dense_${i}`);
  const model = functional(
    [image(8, 8, 6)],
    ...names.map((name): [Layer, string] => [layer('Dense', name, { units: 6 }), 'image']),
    [layer('Multiply', 'product'), ...names],
  );
  const [fault] = kerasFaults(model);
  expect(fault!.message).toContain('and 995 more: add or concatenate some of them first');
  expect(fault!.message.length).toBeLessThan(400);
});
