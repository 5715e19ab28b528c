import fc from 'fast-check';
import { OPS } from '../../../src/architecture/architecture.js';
import { KERAS_LAYERS } from '../../../src/architecture/keras/layers/index.js';
import { LAYER_TYPES } from '../../../src/architecture/layers/types/index.js';
import { lengths } from './lengthened.js';

/** A small set of names, so that they often collide. */
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '__proto__', 'constructor', '');
const size = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<unknown>(1, 2, 3, 4, 7, 8, 16, 32) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(0, -1, 1.5, null, '3', 1e9, 2 ** 53, [3, 3], [1], true) },
);
const pair = fc.oneof(size, fc.array(size, { maxLength: 4 }));

const tensor = fc.record({ name, shape: fc.array(size, { minLength: 1, maxLength: 5 }) });

/** Random graphs: few names, and edges between any of them. */
export const graphs: fc.Arbitrary<unknown> = fc.record({
  name,
  nodes: fc.array(
    fc.record(
      {
        id: name,
        op: fc.constantFrom(...OPS, 'other', 'unknown'),
        weight: tensor,
        bias: tensor,
        kernel: pair,
        tensors: fc.array(tensor, { maxLength: 3 }),
        classifier: fc.boolean(),
      },
      { requiredKeys: ['id', 'op'] },
    ),
    { maxLength: 8 },
  ),
  edges: fc.array(fc.array(name, { minLength: 2, maxLength: 2 }), { maxLength: 16 }),
});

const LAYER_ARGUMENTS = [
  ...['in_channels', 'out_channels', 'in_features', 'out_features', 'num_features', 'kernel_size', 'stride'],
  ...[
    'padding',
    'dilation',
    'groups',
    'output_size',
    'num_heads',
    'embed_dim',
    'scale_factor',
    'start_dim',
    'dim',
  ],
];

/** Random lists of layers. */
export const layers: fc.Arbitrary<unknown> = fc.record(
  {
    name,
    input: fc.array(size, { maxLength: 5 }),
    layers: fc.array(
      fc
        .record({
          name,
          type: fc.constantFrom(...LAYER_TYPES.map(({ type }) => type), 'LSTM', 'toString'),
          inputs: fc.option(fc.array(name, { maxLength: 3 }), { nil: undefined }),
          with: fc.dictionary(fc.constantFrom(...LAYER_ARGUMENTS), pair, { maxKeys: 4 }),
        })
        .map(({ with: given, ...layer }) => ({ ...layer, ...given })),
      { maxLength: 8 },
    ),
  },
  { requiredKeys: ['name', 'layers'] },
);

const KERAS_CLASSES = [...KERAS_LAYERS.keys(), 'InputLayer', 'Sequential', 'Functional', 'Lambda'];

const KERAS_ARGUMENTS = [
  ...[
    'filters',
    'units',
    'kernel_size',
    'strides',
    'pool_size',
    'padding',
    'dilation_rate',
    'groups',
    'axis',
  ],
  ...[
    'batch_input_shape',
    'batch_shape',
    'target_shape',
    'depth_multiplier',
    'num_heads',
    'key_dim',
    'size',
    'dims',
  ],
];

const kerasLayer = fc.record({
  class_name: fc.constantFrom(...KERAS_CLASSES),
  name,
  config: fc
    .tuple(
      name,
      fc.dictionary(fc.constantFrom(...KERAS_ARGUMENTS), fc.oneof(pair, fc.constantFrom('same', 'valid')), {
        maxKeys: 5,
      }),
    )
    .map(([given, rest]) => ({ name: given, ...rest })),
  inbound_nodes: fc.array(fc.array(fc.tuple(name, fc.nat(2), fc.nat(1), fc.constant({})), { maxLength: 3 }), {
    maxLength: 3,
  }),
});

/** Random Keras models, including models within models. */
export const kerasModels: fc.Arbitrary<{ keras: unknown }> = fc
  .letrec<{ model: unknown; layer: unknown }>((tie) => ({
    layer: fc.oneof(
      { maxDepth: 3 },
      { weight: 6, arbitrary: kerasLayer },
      { weight: 1, arbitrary: tie('model') },
    ),
    model: fc
      .record({
        type: fc.constantFrom('Sequential', 'Functional', 'Model'),
        name,
        layers: fc.array(tie('layer'), { maxLength: 6 }),
        ends: fc.tuple(name, fc.nat(2), fc.nat(1)),
        starts: fc.tuple(name, fc.nat(1), fc.nat(1)),
        inbound: fc.array(fc.array(fc.tuple(name, fc.nat(2), fc.nat(1), fc.constant({})), { maxLength: 2 }), {
          maxLength: 2,
        }),
      })
      .map(({ type, name: given, layers: within, ends, starts, inbound }) => ({
        class_name: type,
        name: given,
        config: { name: given, layers: within, input_layers: [starts], output_layers: [ends] },
        inbound_nodes: inbound,
      })),
  }))
  .model.map((keras) => ({ keras }));

/** Models given as texts: valid ones, and one of a single value that is repeated. */
export const kerasTexts: fc.Arbitrary<unknown> = fc.oneof(
  kerasModels.map(({ keras }) => ({ keras: JSON.stringify(keras) })),
  fc
    .tuple(fc.constantFrom('{}', '[]', '1', 'null'), lengths)
    .map(([item, bytes]) => ({ keras: `[${`${item},`.repeat(bytes / (item.length + 1))}${item}]` })),
);
