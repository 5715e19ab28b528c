import type { Place, Value } from './layer-type.js';
import type { Size } from './size.js';
import { agree, sizeText } from './size.js';

type Reporter = Pick<Place, 'label' | 'fault'>;

/**
 * The size of an input that must be an image with this many channels, [channels, height, width]; unknown dimensions are
 * null. If it is not, adds a fault that names both layers.
 */
export function imageSize(
  input: Value,
  channels: number | null,
  key: string | null,
  { label, fault }: Reporter,
): Size {
  const { size, giver } = input;
  if (size === null) return [channels, null, null];
  if (size.length !== 3) {
    fault(null, `${label} takes images, [channels, height, width], but ${giver} gives ${sizeText(size)}`);
    return [channels, null, null];
  }
  if (!agree(size[0], channels)) {
    fault(key, `${label} takes ${channels} channels, but ${giver} gives ${size[0]} (${sizeText(size)})`);
  }
  return size;
}

/** The size of an input whose last dimension must have this many features. */
export function featuresSize(input: Value, features: number, key: string, { label, fault }: Reporter): Size {
  const { size, giver } = input;
  if (size === null) return [features];
  if (!agree(size.at(-1), features)) {
    fault(key, `${label} takes ${features} features, but ${giver} gives ${size.at(-1)} (${sizeText(size)})`);
  }
  return size;
}

/** The size of an input that must be tokens with this many features, [tokens, features]. */
export function tokensSize(input: Value, features: number, key: string, { label, fault }: Reporter): Size {
  const { size, giver } = input;
  if (size === null) return [null, features];
  if (size.length !== 2) {
    fault(null, `${label} takes tokens, [tokens, features], but ${giver} gives ${sizeText(size)}`);
    return [null, features];
  }
  return featuresSize(input, features, key, { label, fault });
}
