import { z } from 'zod';
import type { Pair } from '../layers/arguments.js';
import type { Dimension, Size } from '../layers/size.js';
import { agree, sizeText } from '../layers/size.js';
import type { KerasValue, Place } from './layer.js';

export type DataFormat = 'channels_last' | 'channels_first';

export const dataFormat = z
  .enum(['channels_last', 'channels_first'], 'must be "channels_last" or "channels_first"')
  .nullish()
  .transform((format): DataFormat => format ?? 'channels_last');

export const padding = z.enum(['valid', 'same'], 'must be "valid" or "same"').default('valid');
export type Padding = z.output<typeof padding>;

/** An image's dimensions by what they are, whichever order Keras has them in. */
export interface Image {
  readonly height: Dimension;
  readonly width: Dimension;
  readonly channels: Dimension;
}

/** An input that must be an image; what is not known of it is null. A fault names both layers where it is none. */
export function imageOf({ size, giver }: KerasValue, format: DataFormat, { label, fault }: Place): Image {
  if (size?.length === 3) {
    const [first, second, third] = size as readonly [Dimension, Dimension, Dimension];
    return format === 'channels_last'
      ? { height: first, width: second, channels: third }
      : { channels: first, height: second, width: third };
  }
  if (size !== null) fault(null, `${label} takes images, but ${giver} gives ${sizeText(size)}`);
  return { height: null, width: null, channels: null };
}

export function imageSize({ height, width, channels }: Image, format: DataFormat): Size {
  return format === 'channels_last' ? [height, width, channels] : [channels, height, width];
}

/** Adds the fault of something that depends on a size of which nothing is known; where that has its fault, none. */
export function faultUnsized(
  { giver, isUnknown, isStale }: KerasValue,
  { label, generation, fault }: Place,
  what = 'weights',
): void {
  if (isUnknown) return;
  const remedies = isStale
    ? 'the sizes that its JSON has beside the uses are not what its layers come to; write it again with model.to_json()'
    : `put a Reshape to that size between them${generation === 2 ? ', or write the model with Keras 3, which says sizes' : ''}`;
  fault(
    null,
    `the ${what} of ${label} depend on the size of what ${giver} gives, which is not known here: ${remedies}`,
  );
}

/** The channels that a layer's weights are made for: without them there is no shape. */
export function knownChannels({ channels }: Image, place: Place): number {
  const { label, input, fault } = place;
  if (input.size === null) faultUnsized(input, place);
  // A tensor that is not an image has a fault already.
  if (channels === null && input.size?.length === 3) {
    fault(
      null,
      `the weights of ${label} depend on the channels of ${input.giver}, which are not known: give the model’s input shape`,
    );
  }
  return channels ?? 1;
}

/** The parameters of a window that moves over an image. */
export interface Sliding {
  readonly kernel: Pair<number>;
  readonly strides: Pair<number>;
  readonly padding: Padding;
  readonly dilation?: Pair<number>;
}

/** Height and width of what a window makes of an image (Keras' formula); a fault where it does not fit in it. */
export function slide(
  { height, width }: Image,
  { kernel, strides, padding, dilation = [1, 1] }: Sliding,
  { label, input, fault }: Place,
): Pair<Dimension> {
  const side = (length: Dimension, axis: 0 | 1): Dimension => {
    if (length === null) return null;
    const room = padding === 'same' ? length : length - dilation[axis] * (kernel[axis] - 1);
    return Math.ceil(Math.max(room, 0) / strides[axis]);
  };
  const sides = [side(height, 0), side(width, 1)] as const;
  if (!sides.includes(0)) return sides;
  const window = `a window of ${kernel.join(' × ')}`;
  fault(
    null,
    `${label} has ${window}, which does not fit into ${sizeText(input.size!)}, what ${input.giver} gives`,
  );
  return [null, null];
}

/** The size of inputs that are broadcast with each other, as those of an Add are; null where they do not fit. */
export function broadcast(a: Size, b: Size): Size | null {
  // Keras puts dimensions of one in behind the batch where one has fewer.
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  const padded = [...long.slice(short.length).map(() => 1), ...short];
  if (!long.every((n, axis) => agree(n, padded[axis]) || n === 1 || padded[axis] === 1)) return null;
  return long.map((n, axis) => (n === 1 ? padded[axis]! : padded[axis] === 1 ? n : (n ?? padded[axis]!)));
}
