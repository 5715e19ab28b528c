import { z } from 'zod';
import type { Architecture, Unsupported } from './architecture.js';
import { ArchitectureError, quote } from './faults.js';
import { parseGraph } from './graph.js';
import { isObject } from './json.js';
import { parseKeras } from './keras/parse.js';
import { kerasSchema } from './keras/schema.js';
import { parseLayers } from './layers/parse.js';
import { layersSchema } from './layers/schema.js';
import type { Limits } from './limits.js';
import { mistakenObject } from './mistaken.js';
import { type Aliases, didYouMean } from './nearest.js';
import { givenGraphSchema } from './schema.js';

/** Reads one of the forms of an architecture. */
type Parser = (input: unknown, limits: Limits, unsupported: Unsupported) => Architecture;

/** The forms, each with the key by which it is recognised. */
const PARSERS: readonly (readonly [key: string, parse: Parser])[] = [
  ['nodes', parseGraph],
  ['layers', parseLayers],
  ['keras', parseKeras],
];

/**
 * Reads and checks an architecture in any of its forms.
 * @throws ArchitectureError with every fault, each with its JSON pointer into `input`.
 */
export function parseArchitecture(
  input: unknown,
  limits: Limits,
  unsupported: Unsupported = 'refuse',
): Architecture {
  const mistaken = mistakenObject(input);
  if (mistaken !== null) throw new ArchitectureError([{ path: '', message: mistaken }]);
  const [, parse] = PARSERS.find(([key]) => isObject(input) && key in input) ?? [];
  if (parse) return parse(input, limits, unsupported);
  const keys = PARSERS.map(([key]) => key);
  const hint = hintOf(Object.keys(isObject(input) ? input : {}), keys);
  const given = input === undefined ? 'and there is none' : `not ${quote(input)}`;
  const expected = `expected an architecture, an object with one of ${keys.map((key) => `\`${key}\``).join(', ')}`;
  throw new ArchitectureError([{ path: '', message: `${expected}, ${given}${hint}` }]);
}

const KEY_ALIASES: Aliases = { model: 'keras', graph: 'nodes', ops: 'nodes', modules: 'layers' };

/** At most this many keys are compared with the known ones for a hint. */
const MAX_KEYS = 10;

function hintOf(given: readonly string[], keys: readonly string[]): string {
  return (
    given
      .slice(0, MAX_KEYS)
      .map((key) => didYouMean(key, keys, KEY_ALIASES).replace('?', ` for ${quote(key)}?`))
      .find((hint) => hint !== '') ?? ''
  );
}

/**
 * The forms of an architecture, for the API document. parseArchitecture is the function that reads them: its errors are
 * clearer than those of a union, and it stops early on a body with a million faults.
 */
export const architectureSchema = z.union([givenGraphSchema, layersSchema, kerasSchema]);
