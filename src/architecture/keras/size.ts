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

/** An image's dimensions by name, independent of their order in Keras. */
export interface Image {
  readonly height: Dimension;
  readonly width: Dimension;
  readonly channels: Dimension;
}

/**
 * An input that must be an image, with null for unknown dimensions. If it is not, adds a fault that names both layers.
 */
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

/** Adds a fault: something depends on a size that is completely unknown. Adds none if the reason is already a fault. */
export function faultUnsized(
  { giver, isUnknown, isStale }: KerasValue,
  { label, generation, fault }: Place,
  what = 'weights',
): void {
  if (isUnknown) return;
  const remedies = isStale
    ? 'the sizes in its JSON contradict its layers; write the JSON again with model.to_json()'
    : `put a Reshape to that size between them${generation === 2 ? ', or write the model with Keras 3, which says sizes' : ''}`;
  fault(
    null,
    `the ${what} of ${label} depend on the size of what ${giver} gives, which is not known here: ${remedies}`,
  );
}

/** The number of input channels, without which the shape of a layer's weights is unknown. */
export function knownChannels({ channels }: Image, place: Place): number {
  const { label, input, fault } = place;
  if (input.size === null) faultUnsized(input, place);
  // If the tensor is not an image, there is a fault already.
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

/**
 * Height and width of the output of a window that slides over an image (Keras' formula). Adds a fault if the window
 * does not fit into the image.
 */
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
    `${label} has ${window}, which does not fit into ${sizeText(input.size!)}, the output of ${input.giver}`,
  );
  return [null, null];
}

/** The size of two inputs broadcast with each other, as in an Add; null if they do not fit. */
export function broadcast(a: Size, b: Size): Size | null {
  // If one size has fewer dimensions, Keras inserts dimensions of 1 after the batch.
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  const padded = [...long.slice(short.length).map(() => 1), ...short];
  if (!long.every((n, axis) => agree(n, padded[axis]) || n === 1 || padded[axis] === 1)) return null;
  return long.map((n, axis) => (n === 1 ? padded[axis]! : padded[axis] === 1 ? n : (n ?? padded[axis]!)));
}
