import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../fixtures/keras/', import.meta.url);

/** A Keras model, and Keras' list of its weights. */
export interface KerasFixture {
  /** The result of `model.to_json()`. */
  readonly model: unknown;
  /** `model.weights`: path, shape, and true if it is trained. */
  readonly weights: readonly (readonly [path: string, shape: readonly number[], trainable: boolean])[];
}

/** Names such as `mobilenet.keras3`. */
export const KERAS_FIXTURES = readdirSync(FOLDER)
  .filter((file) => /^(?!networks|conversions).*\.json$/.test(file))
  .map((file) => file.replace('.json', ''));

export function kerasFixture(name: string): KerasFixture {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as KerasFixture;
}

/** Returns the networks of make_networks.py by name. */
export function kerasNetworks(generation: 'keras2' | 'keras3'): ReadonlyMap<string, KerasFixture> {
  const text = readFileSync(new URL(`networks.${generation}.json`, FOLDER), 'utf8');
  return new Map(Object.entries(JSON.parse(text) as Record<string, KerasFixture>));
}

/** A conversion case from make_conversions.py, with the results of Keras. */
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
