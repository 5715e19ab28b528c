import { z } from 'zod';
import { nameSchema, shortArray, strictObject } from '../schema.js';
import { positive } from './arguments.js';
import type { LayerType } from './layer-type.js';
import { LAYER_TYPES } from './types/index.js';

const [first, ...others] = LAYER_TYPES.map(({ schema }) => schema) as [
  LayerType['schema'],
  ...LayerType['schema'][],
];

const INPUT_ERROR = 'must be 1 to 3 positive integers, such as [channels, height, width]';

/** Any layer. In the OpenAPI document, its schema has the name of its type. */
const anyLayerSchema = z.discriminatedUnion('type', [first, ...others]).meta({
  id: 'Layer',
  description: 'A PyTorch layer. `type` says which one, and so which arguments it takes',
  discriminator: { propertyName: 'type' },
});

export const layersSchema = strictObject('a list of layers', {
  name: nameSchema.meta({ description: 'The network’s name', example: 'tiny' }),
  input: shortArray(positive, 1, 3, INPUT_ERROR)
    .optional()
    .meta({
      description:
        'The size of one input, without the batch. If it is given, the sizes of all layers are checked',
      example: [3, 32, 32],
    }),
  layers: z.array(anyLayerSchema).meta({
    description:
      'PyTorch layers with PyTorch’s arguments. Each takes the output of the previous layer, unless `inputs` names others',
  }),
}).meta({
  id: 'Layers',
  description: 'A network as a list of layers. This form is the easiest to write by hand',
  example: {
    name: 'tiny',
    layers: [
      { name: 'conv1', type: 'Conv2d', in_channels: 3, out_channels: 16, kernel_size: 3 },
      { name: 'bn1', type: 'BatchNorm2d', num_features: 16 },
      { name: 'relu', type: 'ReLU' },
      { name: 'pool', type: 'MaxPool2d', kernel_size: 2 },
      { name: 'gap', type: 'AdaptiveAvgPool2d' },
      { name: 'fc', type: 'Linear', in_features: 16, out_features: 10 },
    ],
  },
});
