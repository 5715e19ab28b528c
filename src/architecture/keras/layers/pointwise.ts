import { z } from 'zod';
import { sizeText } from '../../layers/size.js';
import { kerasLayer } from '../layer.js';
import { faultUnsized } from '../size.js';

/** Random changes of images that keep their size. */
export const AUGMENTATIONS: readonly string[] = [
  'AugMix',
  'AutoContrast',
  'ContrastLimitedAdaptiveHistogramEqualization',
  'CutMix',
  'Equalization',
  'MixUp',
  'RandAugment',
  'RandomBrightness',
  'RandomColorDegeneration',
  'RandomColorJitter',
  'RandomContrast',
  'RandomElasticTransform',
  'RandomErasing',
  'RandomFlip',
  'RandomGaussianBlur',
  'RandomGrayscale',
  'RandomHue',
  'RandomInvert',
  'RandomPerspective',
  'RandomPosterization',
  'RandomRotation',
  'RandomSaturation',
  'RandomSharpness',
  'RandomShear',
  'RandomTranslation',
  'RandomZoom',
  'Solarization',
];

/** Layers that are not nodes and do not change sizes. The layer before is connected to the layer after. */
const WITHOUT_NODE = [
  'ReLU',
  'LeakyReLU',
  'ELU',
  'ThresholdedReLU',
  'Identity',
  'Dropout',
  'SpatialDropout1D',
  'SpatialDropout2D',
  'SpatialDropout3D',
  'GaussianDropout',
  'GaussianNoise',
  'AlphaDropout',
  'StochasticDepth',
  'ActivityRegularization',
  'UnitNormalization',
  'Rescaling',
  'Masking',
  ...AUGMENTATIONS,
];

const withoutNode = kerasLayer(WITHOUT_NODE, {}, (_, { input }) => ({ node: input.node, size: input.size }));

/** A softmax over an attention's scores is an msa node, if the model computes the attention from single operations. */
const softmax = kerasLayer('Softmax', {}, (_, { input, network }) => ({
  node: network.softmax(input.node),
  size: input.size,
}));

const activation = kerasLayer('Activation', { activation: z.unknown() }, (config, { input, network }) => ({
  node: config.activation === 'softmax' ? network.softmax(input.node) : input.node,
  size: input.size,
}));

/** The slopes of a PReLU are parameters that no node owns, so they are not predicted. */
const prelu = kerasLayer(
  'PReLU',
  { shared_axes: z.array(z.int()).nullish() },
  ({ shared_axes: shared }, place) => {
    const { label, input, weights, fault } = place;
    const { node, size } = input;
    if (size === null) faultUnsized(input, place);
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

/** The LayerScale of ConvNeXt. Its factors are parameters that no node owns. Keras 3 calls them `variable`. */
const layerScale = kerasLayer(
  'LayerScale',
  { projection_dim: z.int().min(1) },
  ({ projection_dim: features }, { generation, input, weights }) => {
    weights.other(generation === 3 ? 'variable' : 'gamma', 'parameter', [features]);
    return { node: input.node, size: input.size };
  },
);

export const pointwise = [withoutNode, softmax, activation, prelu, layerScale];
