import { z } from 'zod';
import { naturalPair, type Pair, pair, positive, positivePair } from '../../layers/arguments.js';
import type { Output } from '../../layers/layer-type.js';
import { product, sizeText } from '../../layers/size.js';
import { shortArray } from '../../schema.js';
import { kerasLayer, type Place } from '../layer.js';
import { type DataFormat, dataFormat, imageOf, imageSize } from '../size.js';

const flatten = kerasLayer('Flatten', {}, (_, { input }) => ({
  node: input.node,
  size: input.size && [product(input.size)],
}));

const TARGET = 'must be 1 to 4 positive integers, of which one may be -1';
const targetShape = shortArray(z.union([positive, z.literal(-1)], TARGET), 1, 4, TARGET);

const reshape = kerasLayer('Reshape', { target_shape: targetShape }, ({ target_shape: target }, place) => {
  const { label, input, fault } = place;
  const { node, size } = input;
  const total = size && product(size);
  const known = target.reduce((count, n) => (n === -1 ? count : count * n), 1);
  const open = target.filter((n) => n === -1).length;
  if (open > 1) fault('target_shape', TARGET);
  else if (total !== null && (open === 1 ? total % known !== 0 : total !== known)) {
    fault(
      'target_shape',
      `${label} cannot make [${target.join(', ')}] of ${sizeText(size!)}, the output of ${input.giver}`,
    );
  }
  const rest = total === null ? null : Math.max(1, Math.floor(total / known));
  return { node, size: target.map((n) => (n === -1 ? rest : n)) };
});

const DIMS = 'must be the axes from 1 on in any order';

const permute = kerasLayer('Permute', { dims: shortArray(positive, 1, 4, DIMS) }, ({ dims }, place) => {
  const { label, input, fault } = place;
  const { node, size } = input;
  if (!dims.toSorted((a, b) => a - b).every((dim, index) => dim === index + 1)) fault('dims', DIMS);
  else if (size !== null && size.length !== dims.length) {
    fault('dims', `${label} permutes ${dims.length} axes, but ${input.giver} gives ${sizeText(size)}`);
  } else return { node, size: size && dims.map((dim) => size[dim - 1]!) };
  return { node, size: null };
});

/** Keras gives [[top, bottom], [left, right]], [height, width] or one number. */
const borders = z
  .union(
    [naturalPair, z.tuple([z.tuple([z.int(), z.int()]), z.tuple([z.int(), z.int()])])],
    'must be an integer of 0 or more, two, or [[top, bottom], [left, right]]',
  )
  .transform((given): Pair<number> => {
    const [rows, columns] = pair<number | [number, number]>(given);
    const sum = (side: number | [number, number]) =>
      typeof side === 'number' ? 2 * side : side[0] + side[1];
    return [sum(rows), sum(columns)];
  });

const zeroPadding = kerasLayer(
  'ZeroPadding2D',
  { padding: borders, data_format: dataFormat },
  ({ padding, data_format }, place) => framed('padding', padding, data_format, place),
);

const cropping = kerasLayer(
  'Cropping2D',
  { cropping: borders, data_format: dataFormat },
  ({ cropping, data_format }, place) => {
    const [rows, columns] = cropping;
    return framed('cropping', [-rows, -columns], data_format, place);
  },
);

/** An image with this many more rows and columns; negative numbers remove some. */
function framed(key: string, [rows, columns]: Pair<number>, format: DataFormat, place: Place): Output {
  const { label, input, fault } = place;
  const image = imageOf(input, format, place);
  const height = image.height === null ? null : image.height + rows;
  const width = image.width === null ? null : image.width + columns;
  if ([height, width].some((length) => length !== null && length < 1)) {
    fault(key, `${label} leaves nothing of ${sizeText(input.size!)}, the output of ${input.giver}`);
    return { node: input.node, size: null };
  }
  return { node: input.node, size: input.size && imageSize({ ...image, height, width }, format) };
}

const upSampling = kerasLayer(
  'UpSampling2D',
  { size: positivePair.default(2), data_format: dataFormat },
  ({ size: by, data_format: format }, place) => {
    const { node, size } = place.input;
    const image = imageOf(place.input, format, place);
    const [rows, columns] = pair(by);
    const [height, width] = [image.height && image.height * rows, image.width && image.width * columns];
    return { node, size: size && imageSize({ ...image, height, width }, format) };
  },
);

const sized = kerasLayer(
  ['Resizing', 'CenterCrop', 'RandomCrop'],
  { height: positive, width: positive, data_format: dataFormat },
  ({ height, width, data_format: format }, place) => {
    const image = imageOf(place.input, format, place);
    return {
      node: place.input.node,
      size: place.input.size && imageSize({ ...image, height, width }, format),
    };
  },
);

/** One of an image's sides gets a random length, so it is unknown. */
const randomSides = (['RandomHeight', 'RandomWidth'] as const).map((type) =>
  kerasLayer(type, { data_format: dataFormat }, (config, place) => {
    const image = imageOf(place.input, config.data_format, place);
    const side = type === 'RandomHeight' ? { height: null } : { width: null };
    const size = place.input.size && imageSize({ ...image, ...side }, config.data_format);
    return { node: place.input.node, size };
  }),
);

/** Repeats [features] n times, which gives [n, features]. */
const repeatVector = kerasLayer('RepeatVector', { n: positive }, ({ n }, { input }) => ({
  node: input.node,
  size: input.size && [n, ...input.size],
}));

export const reshapes = [
  flatten,
  reshape,
  permute,
  repeatVector,
  zeroPadding,
  cropping,
  upSampling,
  sized,
  ...randomSides,
];
