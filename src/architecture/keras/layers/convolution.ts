import type { z } from 'zod';
import type { Op } from '../../architecture.js';
import { flag, type Pair, pair, positive, positivePair } from '../../layers/arguments.js';
import type { Output } from '../../layers/layer-type.js';
import { kerasLayer, type Place } from '../layer.js';
import { dataFormat, type Image, imageOf, imageSize, knownChannels, padding, slide } from '../size.js';
import { addLora, loraArguments } from './lora.js';

const sliding = {
  kernel_size: positivePair,
  strides: positivePair.default(1),
  padding,
  data_format: dataFormat,
  dilation_rate: positivePair.default(1),
};

/** The axes that turn PyTorch's [out, in, height, width] into Keras' [height, width, in, out]. */
const KERNEL_AXES = [2, 3, 1, 0];

const conv2d = kerasLayer(
  ['Conv2D', 'Convolution2D'],
  {
    ...sliding,
    ...loraArguments,
    filters: positive,
    groups: positive.default(1),
    use_bias: flag.default(true),
  },
  ({ filters, groups, ...config }, place) => {
    const { label, fault, weights, input } = place;
    const image = imageOf(input, config.data_format, place);
    const channels = knownChannels(image, place);
    if (image.channels !== null && channels % groups !== 0)
      fault(
        'groups',
        `the ${channels} channels that ${input.giver} gives ${label} cannot be divided into ${groups} groups`,
      );
    if (filters % groups !== 0)
      fault('filters', `${filters} filters of ${label} cannot be divided into ${groups} groups`);
    const shape = [filters, Math.ceil(channels / groups), ...pair(config.kernel_size)];
    const layout = { view: shape, axes: KERNEL_AXES };
    const op = convolutionOp(groups, pair(config.dilation_rate));
    const node = weights.kernel(op, 'kernel', { shape, layout }, [input.node]);
    const result = output(node, filters, image, config, config.use_bias, place);
    addLora(weights, config, [...pair(config.kernel_size), Math.ceil(channels / groups), filters]);
    return result;
  },
);

/** Keras 3 calls the kernel `kernel`, and Keras 2 `depthwise_kernel`. */
const depthwiseConv2d = kerasLayer(
  'DepthwiseConv2D',
  { ...sliding, depth_multiplier: positive.default(1), use_bias: flag.default(true) },
  (config, place) => {
    const image = imageOf(place.input, config.data_format, place);
    const weight = place.generation === 3 ? 'kernel' : 'depthwise_kernel';
    const { node, channels } = depthwise(weight, image, config, place);
    return output(node, channels, image, config, config.use_bias, place);
  },
);

/** A depthwise convolution and a 1 by 1 convolution. The bias belongs to the second. */
const separableConv2d = kerasLayer(
  ['SeparableConv2D', 'SeparableConvolution2D'],
  { ...sliding, filters: positive, depth_multiplier: positive.default(1), use_bias: flag.default(true) },
  (config, place) => {
    const image = imageOf(place.input, config.data_format, place);
    const { node: before, channels } = depthwise('depthwise_kernel', image, config, place);
    const shape = [config.filters, channels, 1, 1];
    const layout = { view: shape, axes: KERNEL_AXES };
    const node = place.weights.kernel('conv', 'pointwise_kernel', { shape, layout }, [before]);
    return output(node, config.filters, image, config, config.use_bias, place);
  },
);

export const convolutions = [conv2d, depthwiseConv2d, separableConv2d];

type Sliding = z.output<z.ZodObject<typeof sliding>>;

/**
 * One kernel for each channel. PyTorch's shape [channels · multiplier, 1, height, width] is [height, width, channels,
 * multiplier] in Keras.
 */
function depthwise(
  weight: string,
  image: Image,
  config: Sliding & { depth_multiplier: number },
  place: Place,
): { node: number; channels: number } {
  const inputs = knownChannels(image, place);
  const channels = inputs * config.depth_multiplier;
  const [height, width] = pair(config.kernel_size);
  const layout = { view: [inputs, config.depth_multiplier, height, width], axes: [2, 3, 0, 1] };
  const op = convolutionOp(inputs, pair(config.dilation_rate));
  const options = { shape: [channels, 1, height, width], layout };
  return { node: place.weights.kernel(op, weight, options, [place.input.node]), channels };
}

/** The op of a convolution (docs/ghn.md, section 1). */
function convolutionOp(groups: number, dilation: Pair<number>): Op {
  if (groups === 1) return 'conv';
  return dilation.every((step) => step > 1) ? 'dil_conv' : 'sep_conv';
}

function output(
  kernel: number,
  channels: number,
  image: Image,
  config: Sliding,
  hasBias: boolean,
  place: Place,
): Output {
  const node = place.weights.biased(kernel, 'bias', hasBias ? { shape: [channels] } : null);
  const [height, width] = slide(
    image,
    {
      kernel: pair(config.kernel_size),
      strides: pair(config.strides),
      padding: config.padding,
      dilation: pair(config.dilation_rate),
    },
    place,
  );
  return { node, size: imageSize({ height, width, channels }, config.data_format) };
}
