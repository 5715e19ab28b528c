import type { Dimension } from '../../layers/size.js';
import type { KerasLayer } from '../layer.js';
import * as kinds from './kinds.js';
import * as sizes from './sizes.js';

const { elementwise, reshaping } = kinds;

/** Functions that do not change a size, or that broadcast several. */
const ELEMENTWISE = [
  'abs add_n ceil cos cumprod cumsum divide divide_no_nan erf exp floor floordiv floormod greater greater_equal less less_equal log log1p',
  'logical_and logical_not logical_or maximum minimum mod negative not_equal equal pow reciprocal round rsqrt sigmoid',
  'is_finite is_inf is_nan multiply_no_nan rint sign sin sinh softplus softsign sqrt square squared_difference tan tanh',
  'truediv l2_normalize xlogy',
]
  .join(' ')
  .split(' ')
  .map((name) => `math.${name}`);

const ACTIVATIONS =
  'bias_add dropout elu experimental.stateless_dropout gelu leaky_relu log_softmax relu relu6 selu silu swish softplus softsign tanh'
    .split(' ')
    .map((name) => `nn.${name}`);

const OTHERS =
  'cast clip_by_value identity stop_gradient where compat.v1.where compat.v1.clip_by_value __operators__.pow ' +
  'ones_like zeros_like compat.v1.ones_like compat.v1.zeros_like reverse roll compat.v1.nn.relu image.adjust_brightness ' +
  'image.adjust_contrast image.per_image_standardization image.flip_left_right image.flip_up_down dtypes.cast ' +
  'compat.v1.floor_div compat.v1.nn.dropout image.random_brightness image.random_contrast image.random_flip_left_right ' +
  'image.random_flip_up_down image.random_hue image.random_saturation image.adjust_gamma image.adjust_hue ' +
  'image.adjust_saturation image.hsv_to_rgb image.rgb_to_hsv image.rgb_to_yuv image.yuv_to_rgb sort argsort linalg.band_part ' +
  'compat.v1.cast keras.activations.relu keras.activations.swish keras.activations.gelu keras.activations.sigmoid';

const concatenated = kinds.joining((all, args) => {
  const [first, ...others] = all;
  const [axis = null] = args.integers('axis') ?? [];
  if (!first || axis === null) return null;
  const at = axis < 0 ? axis + first.length : axis - 1;
  if (at < 0 || at >= first.length || others.some((size) => size.length !== first.length)) return null;
  const length = all.reduce<Dimension>(
    (sum, size) => (sum === null || size[at] === null ? null : sum + size[at]!),
    0,
  );
  return first.with(at, length);
});

const stacked = kinds.joining((all, args) => {
  const [first] = all;
  const [axis = null] = args.integers('axis') ?? [];
  if (!first || axis === null) return null;
  const at = axis < 0 ? axis + first.length + 1 : axis - 1;
  return at < 0 || at > first.length ? null : first.toSpliced(at, 0, all.length);
});

const functions: [KerasLayer, string][] = [
  [elementwise, [...ELEMENTWISE, ...ACTIVATIONS, OTHERS].join(' ')],
  [kinds.sum, '__operators__.add math.add math.subtract'],
  [kinds.product, 'math.multiply'],
  [kinds.softmax, 'nn.softmax'],
  [kinds.matrixProduct(sizes.matrixProduct), 'linalg.matmul matmul'],
  [kinds.matrixProduct(() => null), 'einsum tensordot'],
  [kinds.mean, 'math.reduce_mean'],
  [
    reshaping(sizes.reduced),
    'math.reduce_sum math.reduce_max math.reduce_min math.reduce_prod math.reduce_std math.reduce_variance math.reduce_any ' +
      'math.reduce_all math.reduce_logsumexp math.reduce_euclidean_norm math.argmax math.argmin argmax argmin compat.v1.norm ' +
      'norm linalg.norm',
  ],
  [concatenated, 'concat'],
  [stacked, 'stack'],
  [reshaping(sizes.sliced), '__operators__.getitem'],
  [reshaping(sizes.reshaped), 'reshape'],
  [reshaping(sizes.transposed), 'transpose compat.v1.transpose'],
  [reshaping(sizes.expanded), 'expand_dims compat.v1.expand_dims'],
  [reshaping(sizes.squeezed), 'squeeze compat.v1.squeeze'],
  [reshaping(sizes.padded), 'pad compat.v1.pad'],
  [reshaping(sizes.tiled), 'tile'],
  [reshaping(sizes.repeated), 'repeat'],
  [reshaping(sizes.oneHot), 'one_hot'],
  [reshaping(sizes.cut), 'slice'],
  [kinds.parting(sizes.parts), 'split unstack'],
  [reshaping(sizes.sized), 'image.resize compat.v1.image.resize'],
  [reshaping((size) => size.with(-1, 1)), 'image.rgb_to_grayscale'],
  [reshaping((size) => size.with(-1, 3)), 'image.grayscale_to_rgb'],
  [reshaping(sizes.depthToSpace), 'nn.depth_to_space compat.v1.depth_to_space'],
  [reshaping(sizes.spaceToDepth), 'nn.space_to_depth compat.v1.space_to_depth'],
  [
    reshaping(sizes.cropped),
    'image.crop_to_bounding_box image.pad_to_bounding_box image.resize_with_crop_or_pad',
  ],
  [kinds.windowPool('max_pool', 'ksize'), 'nn.max_pool nn.max_pool2d'],
  [kinds.windowPool('avg_pool', 'ksize'), 'nn.avg_pool nn.avg_pool2d'],
];

/** TensorFlow functions by name. A Keras 2 model has them as TFOpLambda and SlicingOpLambda. */
export const TENSORFLOW_FUNCTIONS: ReadonlyMap<string, KerasLayer> = new Map(
  functions.flatMap(([layer, names]) => names.split(' ').map((name): [string, KerasLayer] => [name, layer])),
);
