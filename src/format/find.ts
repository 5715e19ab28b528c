import type { FileFormat } from './format.js';
import { FORMATS } from './formats.js';

/** A format's name. */
export type Format = (typeof FORMATS)[number]['name'];

/** The names of all formats, the default first. */
export const FORMAT_NAMES: readonly Format[] = FORMATS.map(({ name }) => name);

export const DEFAULT_FORMAT: Format = FORMATS[0].name;

/** The format of that name. */
export function formatOf(name: Format): FileFormat {
  return FORMATS.find((format) => format.name === name)!;
}

/** The names of the formats that fit, as messages list them: `safetensors or npz`. */
export function formatsThat(fit: (format: FileFormat) => boolean): string {
  return FORMATS.filter(fit)
    .map(({ name }) => name)
    .join(' or ');
}

/** The format that a part of the weights has where none is asked for. */
export const PART_FORMAT: Format = FORMATS.find(({ holdsParts }) => holdsParts)!.name;
