import { z } from 'zod';
import { flag, naturalPair, pair, positive, positivePair } from '../arguments.js';
import { imageSize } from '../expect.js';
import type { Output, Place } from '../layer-type.js';
import { layerSchema, layerType } from '../layer-type.js';
import type { Dimension } from '../size.js';
import { sizeText } from '../size.js';
import { slidingSize } from '../sliding.js';

const windowArguments = {
  kernel_size: positivePair,
  stride: positivePair.nullable().optional().meta({ description: 'Default: the kernel size' }),
  padding: naturalPair.default(0),
  ceil_mode: flag.default(false),
};

const maxPoolSchema = layerSchema('MaxPool2d', {
  ...windowArguments,
  dilation: positivePair.default(1),
  return_indices: z.literal(false).optional(),
});

const avgPoolSchema = layerSchema('AvgPool2d', {
  ...windowArguments,
  count_include_pad: flag.optional(),
  divisor_override: positive.nullable().optional(),
});

export const maxPool2d = layerType(maxPoolSchema, (layer, place) =>
  pool('max_pool', layer, layer.dilation, place),
);
export const avgPool2d = layerType(avgPoolSchema, (layer, place) => pool('avg_pool', layer, 1, place));

type PerAxis = number | [number, number];

interface Window {
  readonly kernel_size: PerAxis;
  readonly stride?: PerAxis | null | undefined;
  readonly padding: PerAxis;
  readonly ceil_mode: boolean;
}

function pool(op: 'max_pool' | 'avg_pool', layer: Window, dilation: PerAxis, place: Place): Output {
  const { input, network } = place;
  const kernel = pair(layer.kernel_size);
  const size = imageSize(input, null, null, place);
  const sliding = {
    kernel,
    stride: pair(layer.stride ?? layer.kernel_size),
    padding: pair(layer.padding),
    dilation: pair(dilation),
    ceil: layer.ceil_mode,
  };
  const sides = slidingSize(size, sliding, input, place);
  return { node: network.addOperation(op, [input.node], kernel), size: [size[0]!, ...sides] };
}

const side = positive.nullable();
const adaptiveArguments = {
  output_size: z
    .union(
      [side, z.tuple([side, side])],
      'must be a positive integer, or two, [height, width]; null keeps a side',
    )
    .default(1),
};

/** A glob_avg, whatever its output size (docs/ghn.md, section 1). */
export const adaptiveAvgPool2d = layerType(
  layerSchema('AdaptiveAvgPool2d', adaptiveArguments),
  (layer, place) => {
    const { input, network } = place;
    const size = imageSize(input, null, null, place);
    const node = network.addOperation('glob_avg', [input.node]);
    return { node, size: [size[0]!, ...adapted(pair<Dimension>(layer.output_size), size.slice(1))] };
  },
);

/** A max_pool. Its kernel is the window that the pool uses when its output size divides its input size. */
export const adaptiveMaxPool2d = layerType(
  layerSchema('AdaptiveMaxPool2d', adaptiveArguments),
  (layer, place) => {
    const { label, input, network, fault } = place;
    const size = imageSize(input, null, null, place);
    const sides = adapted(pair<Dimension>(layer.output_size), size.slice(1));
    const kernel = sides.map((n, axis) => {
      const length = size[axis + 1] ?? null;
      return n === null || length === null ? null : length - (n - 1) * Math.floor(length / n);
    });
    const [height = null, width = null] = kernel;
    if (height === null || width === null) {
      const remedy = 'give the network’s `input` size';
      fault(
        null,
        `the kernel of ${label} depends on its input's size, of which only ${sizeText(size)} is known: ${remedy}`,
      );
    } else if (height < 1 || width < 1) {
      fault(
        'output_size',
        `${label} gives ${sizeText(sides)}, more than ${input.giver} gives it, ${sizeText(size)}`,
      );
    }
    const node = network.addOperation('max_pool', [input.node], [height ?? 1, width ?? 1]);
    return { node, size: [size[0]!, ...sides] };
  },
);

function adapted(wanted: readonly Dimension[], given: readonly Dimension[]): Dimension[] {
  return wanted.map((n, axis) => n ?? given[axis] ?? null);
}
