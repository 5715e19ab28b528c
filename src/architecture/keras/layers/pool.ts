import { z } from 'zod';
import { flag, pair, positive, positivePair } from '../../layers/arguments.js';
import type { Output } from '../../layers/layer-type.js';
import { sizeText } from '../../layers/size.js';
import { kerasLayer, type Place } from '../layer.js';
import { type DataFormat, dataFormat, faultUnsized, imageOf, imageSize, padding, slide } from '../size.js';

const windowArguments = {
  pool_size: positivePair.default(2),
  strides: positivePair.nullish(),
  padding,
  data_format: dataFormat,
};

const pools = (['max_pool', 'avg_pool'] as const).map((op) =>
  kerasLayer(
    op === 'max_pool' ? ['MaxPooling2D', 'MaxPool2D'] : ['AveragePooling2D', 'AvgPool2D'],
    windowArguments,
    ({ pool_size, strides, padding, data_format }, place) => {
      const kernel = pair(pool_size);
      const image = imageOf(place.input, data_format, place);
      const [height, width] = slide(image, { kernel, strides: pair(strides ?? pool_size), padding }, place);
      const node = place.network.addOperation(op, [place.input.node], kernel);
      return { node, size: imageSize({ ...image, height, width }, data_format) };
    },
  ),
);

const globalArguments = { data_format: dataFormat, keepdims: flag.default(false) };

const globalAverage = kerasLayer(
  ['GlobalAveragePooling2D', 'GlobalAvgPool2D'],
  globalArguments,
  ({ data_format, keepdims }, place) => {
    const node = place.network.addOperation('glob_avg', [place.input.node]);
    return global(node, data_format, keepdims, place);
  },
);

/** A max_pool whose kernel is as large as the image. */
const globalMaximum = kerasLayer(
  ['GlobalMaxPooling2D', 'GlobalMaxPool2D'],
  globalArguments,
  ({ data_format, keepdims }, place) => {
    const { label, input, network, fault } = place;
    const { height, width } = imageOf(input, data_format, place);
    if (input.size === null) faultUnsized(input, place, 'height and width of the kernel');
    if (input.size?.length === 3 && (height === null || width === null)) {
      const known = sizeText(input.size);
      fault(
        null,
        `the kernel of ${label} is the size of its input, of which only ${known} is known: give the whole input shape`,
      );
    }
    const node = network.addOperation('max_pool', [input.node], [height ?? 1, width ?? 1]);
    return global(node, data_format, keepdims, place);
  },
);

/** A mean over tokens, which is a glob_avg. */
const globalAverage1d = kerasLayer(
  ['GlobalAveragePooling1D', 'GlobalAvgPool1D'],
  globalArguments,
  ({ data_format, keepdims }, { label, input, network, fault }) => {
    const { size, giver } = input;
    const node = network.addOperation('glob_avg', [input.node]);
    if (size === null) return { node, size: null };
    if (size.length !== 2) {
      fault(null, `${label} takes tokens, [tokens, features], but ${giver} gives ${sizeText(size)}`);
      return { node, size: null };
    }
    const features = size[data_format === 'channels_last' ? 1 : 0]!;
    if (!keepdims) return { node, size: [features] };
    return { node, size: data_format === 'channels_last' ? [1, features] : [features, 1] };
  },
);

const adaptiveSize = z.union(
  [positive, z.tuple([positive, positive])],
  'must be a positive integer, or two, [height, width]',
);

/** A glob_avg, whatever its output size (docs/ghn.md, section 1). */
const adaptiveAverage = kerasLayer(
  'AdaptiveAveragePooling2D',
  { output_size: adaptiveSize, data_format: dataFormat },
  ({ output_size, data_format }, place) => {
    const image = imageOf(place.input, data_format, place);
    const [height, width] = pair(output_size);
    const node = place.network.addOperation('glob_avg', [place.input.node]);
    return { node, size: place.input.size && imageSize({ ...image, height, width }, data_format) };
  },
);

/** A max_pool. Its kernel is the window that the pool uses when its output size divides its input size. */
const adaptiveMaximum = kerasLayer(
  'AdaptiveMaxPooling2D',
  { output_size: adaptiveSize, data_format: dataFormat },
  ({ output_size, data_format }, place) => {
    const { label, input, network, fault } = place;
    const image = imageOf(input, data_format, place);
    const [height, width] = pair(output_size);
    if (input.size === null) faultUnsized(input, place, 'height and width of the kernel');
    const kernel = [
      [image.height, height],
      [image.width, width],
    ].map(([from, to]) => (from === null ? 0 : from! - (to! - 1) * Math.floor(from! / to!)));
    if (input.size?.length === 3 && kernel.some((side) => side < 1)) {
      fault(
        null,
        `the kernel of ${label} depends on the size of its input, ${sizeText(input.size)}, which is too small or not known`,
      );
    }
    const [rows, columns] = kernel.map((side) => Math.max(1, side));
    const node = network.addOperation('max_pool', [input.node], [rows!, columns!]);
    return { node, size: input.size && imageSize({ ...image, height, width }, data_format) };
  },
);

export const poolings = [
  ...pools,
  globalAverage,
  globalMaximum,
  globalAverage1d,
  adaptiveAverage,
  adaptiveMaximum,
];

function global(node: number, format: DataFormat, keepdims: boolean, place: Place): Output {
  const { channels } = imageOf(place.input, format, place);
  const size = keepdims ? imageSize({ height: 1, width: 1, channels }, format) : [channels];
  return { node, size: place.input.size && size };
}
