import { z } from 'zod';
import { sizeText } from '../../layers/size.js';
import { kerasLayer } from '../layer.js';

/** Layers that are no nodes and leave sizes as they are: what goes in is joined to what comes out. */
const WITHOUT_NODE = [
  'Activation',
  'ReLU',
  'LeakyReLU',
  'ELU',
  'ThresholdedReLU',
  'Softmax',
  'Identity',
  'Dropout',
  'SpatialDropout1D',
  'SpatialDropout2D',
  'GaussianDropout',
  'GaussianNoise',
  'AlphaDropout',
  'StochasticDepth',
  'ActivityRegularization',
  'UnitNormalization',
  'Rescaling',
  'RandomFlip',
  'RandomRotation',
  'RandomZoom',
  'RandomTranslation',
  'RandomContrast',
  'RandomBrightness',
];

const withoutNode = kerasLayer(WITHOUT_NODE, {}, (_, { input }) => ({ node: input.node, size: input.size }));

/** Its slopes are parameters that no node owns: they are not predicted. */
const prelu = kerasLayer(
  'PReLU',
  { shared_axes: z.array(z.int()).nullish() },
  ({ shared_axes: shared }, { label, input, weights, fault }) => {
    const { node, size } = input;
    const shape = size?.map((n, axis) => (shared?.includes(axis + 1) ? 1 : n)) ?? [];
    if (shape.includes(null)) {
      fault(
        'shared_axes',
        `the slopes of ${label} depend on all of ${sizeText(size!)}: give the whole input shape`,
      );
    }
    weights.other(
      'alpha',
      'parameter',
      shape.map((n) => n ?? 1),
    );
    return { node, size };
  },
);

/** ConvNeXt's; its factors are parameters that no node owns. Keras 3 calls them `variable`. */
const layerScale = kerasLayer(
  'LayerScale',
  { projection_dim: z.int().min(1) },
  ({ projection_dim: features }, { generation, input, weights }) => {
    weights.other(generation === 3 ? 'variable' : 'gamma', 'parameter', [features]);
    return { node: input.node, size: input.size };
  },
);

export const pointwise = [withoutNode, prelu, layerScale];
