import type { Architecture } from '../../../src/architecture/architecture.js';
import type { Fault } from '../../../src/architecture/faults.js';
import { parseKeras } from '../../../src/architecture/keras/parse.js';
import { faultsOf, LIMITS } from '../fixtures.js';

export interface Layer {
  class_name: unknown;
  config: unknown;
  inbound_nodes?: unknown;
}

/** Returns a layer of a class, with its name and the rest of its config. */
export function layer(type: string, name: string, config: object = {}): Layer {
  return { class_name: type, config: { name, ...config } };
}

export const image = (...shape: (number | null)[]): Layer =>
  layer('InputLayer', 'image', { batch_input_shape: [null, ...shape] });

export function sequential(...layers: unknown[]) {
  return { class_name: 'Sequential', config: { name: 'sequential', layers } };
}

/**
 * Returns a functional model of Keras 2. Each layer comes with the names of its inputs, and the last layer gives the
 * output.
 */
export function functional(...layers: readonly (readonly [Layer, ...string[]])[]) {
  const written = layers.map(([given, ...inputs]) => {
    const { name } = given.config as { name: string };
    const calls = inputs.length > 0 ? [inputs.map((input) => [input, 0, 0, {}])] : [];
    return { ...given, name, inbound_nodes: calls };
  });
  const { name } = written.at(-1)!;
  const config = { name: 'functional', layers: written, input_layers: [['image', 0, 0]] };
  return { class_name: 'Functional', config: { ...config, output_layers: [[name, 0, 0]] } };
}

/** Nests a model: another calls it `times` times, and so on to the given depth. */
export function calledWithin(model: ReturnType<typeof functional>, times: number, depth = 1): typeof model {
  if (depth === 0) return model;
  const outer = functional(
    [image(8, 8, 6)],
    [{ ...model, config: { ...model.config, name: 'inner' } }, 'image'],
  );
  outer.config.layers[1]!.inbound_nodes = Array.from({ length: times }, () => [['image', 0, 0, {}]]);
  return calledWithin(outer, times, depth - 1);
}

export function network(keras: unknown): Architecture {
  return parseKeras({ keras }, LIMITS);
}

export function kerasFaults(keras: unknown, limits = LIMITS): readonly Fault[] {
  return faultsOf(() => parseKeras({ keras }, limits));
}
