import type { FileFormat } from './format.js';
import { FORMATS } from './formats.js';

/** The name of a format. */
export type Format = (typeof FORMATS)[number]['name'];

/** The names of all formats, the default first. */
export const FORMAT_NAMES: readonly Format[] = FORMATS.map(({ name }) => name);

export const DEFAULT_FORMAT: Format = FORMATS[0].name;

/** Returns the format with this name. */
export function formatOf(name: Format): FileFormat {
  return FORMATS.find((format) => format.name === name)!;
}

/** Lists the names of the formats that fit, for messages, such as `safetensors or npz`. */
export function formatsThat(fit: (format: FileFormat) => boolean): string {
  return FORMATS.filter(fit)
    .map(({ name }) => name)
    .join(' or ');
}

/** The default format for parts of the weights. */
export const PART_FORMAT: Format = FORMATS.find(({ holdsParts }) => holdsParts)!.name;
