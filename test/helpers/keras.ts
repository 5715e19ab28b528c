import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../fixtures/keras/', import.meta.url);

/** A model that Keras made, and what it says of its weights. */
export interface KerasFixture {
  /** What `model.to_json()` gives. */
  readonly model: unknown;
  /** `model.weights`: path, shape and whether it is trained. */
  readonly weights: readonly (readonly [path: string, shape: readonly number[], trainable: boolean])[];
}

/** `mobilenet.keras3` and the like. */
export const KERAS_FIXTURES = readdirSync(FOLDER)
  .filter((file) => /^(?!networks|conversions).*\.json$/.test(file))
  .map((file) => file.replace('.json', ''));

export function kerasFixture(name: string): KerasFixture {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as KerasFixture;
}

/** The networks of make_networks.py, by their names. */
export function kerasNetworks(generation: 'keras2' | 'keras3'): ReadonlyMap<string, KerasFixture> {
  const text = readFileSync(new URL(`networks.${generation}.json`, FOLDER), 'utf8');
  return new Map(Object.entries(JSON.parse(text) as Record<string, KerasFixture>));
}

/** What Keras computes, as make_conversions.py says. */
export interface Conversion {
  readonly model: unknown;
  /** The shapes of the inputs. */
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly unknown[];
}

export function kerasConversions(generation: 'keras2' | 'keras3'): ReadonlyMap<string, Conversion> {
  const text = readFileSync(new URL(`conversions.${generation}.json`, FOLDER), 'utf8');
  return new Map(Object.entries(JSON.parse(text) as Record<string, Conversion>));
}
