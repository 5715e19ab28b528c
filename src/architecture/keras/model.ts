import { z } from 'zod';
import type { FaultList } from '../faults.js';
import { quote } from '../faults.js';
import { asArray, isObject } from '../json.js';
import type { Size } from '../layers/size.js';
import { nameSchema } from '../schema.js';
import { addZodFaults } from '../zod-faults.js';
import { type Generation, layerNameSchema } from './layer.js';
import { posted } from './posted.js';
import { type Call, type Reference, readCall, references, sizeOfShape } from './references.js';

/** A layer of a model. Its config has not been read. */
export interface ModelLayer {
  readonly type: string;
  /** The module of its class in Keras 3. It tells operations from layers, since a model calls both in the same way. */
  readonly module: string | null;
  /** True for a custom class, even if it has the name of one of Keras' classes. */
  readonly isOwn: boolean;
  /** '' if it has no valid name, which is a fault. */
  readonly name: string;
  readonly config: unknown;
  readonly path: readonly PropertyKey[];
  /** Its position among the layers of all models, in Keras' order. */
  readonly position: number;
  /** The layer's calls. A layer in a Sequential has one call, which takes the previous layer's output. */
  readonly calls: readonly Call[];
  /** The size of its input without the batch, if Keras 3 recorded the shape it was built for. */
  readonly builtFor: Size | null;
  /** The model, if this layer is a model; otherwise null. */
  readonly model: Model | null;
}

/** The outline of a Sequential or Functional model. No layer's config has been read. */
export interface Model {
  readonly type: 'Sequential' | 'Functional';
  readonly name: string;
  readonly layers: readonly ModelLayer[];
  readonly inputs: readonly Reference[];
  readonly outputs: readonly Reference[];
  /** Input size of a Sequential, without the batch; null if the model does not give it. */
  readonly inputSize: Size | null;
}

/** Maximum depth of models within models. A backbone in a model in a wrapper is three deep. */
const MAX_DEPTH = 10;

const TYPES: ReadonlyMap<unknown, Model['type']> = new Map([
  ['Sequential', 'Sequential'],
  ['Functional', 'Functional'],
  ['Model', 'Functional'],
]);

/** The call of a layer in a Sequential, which takes the previous layer's output. */
const PLAIN: Call = { arguments: [], references: [] };

/**
 * The kind of model that an object is, or null. The config of a subclass of Sequential or Functional has the same keys
 * as theirs.
 */
function modelType(given: unknown): Model['type'] | null {
  if (!isObject(given) || typeof given.class_name !== 'string') return null;
  const known = TYPES.get(given.class_name);
  if (known) return known;
  const config = isObject(given.config) ? given.config : {};
  if (
    !Array.isArray(config.layers) ||
    !config.layers.every((layer) => isObject(layer) && 'class_name' in layer)
  ) {
    return null;
  }
  if ('input_layers' in config && 'output_layers' in config) return 'Functional';
  // A layer can also contain other layers, and use them in any way.
  const [first] = config.layers as readonly Record<string, unknown>[];
  const isSequential = 'build_input_shape' in config || first?.class_name === 'InputLayer';
  return isSequential || given.class_name === 'Pipeline' ? 'Sequential' : null;
}

/** Keras' own modules. They have moved several times. */
const KERAS_MODULE = /^(?:tf_)?keras(?:\.|$)|^tensorflow(?:\.|$)/;

/** True for a custom class. Keras 3 and the last versions of Keras 2 write the module or the package of a class. */
function isOwnClass({ module, registered_name: registered }: Record<string, unknown>): boolean {
  return typeof module === 'string' ? !KERAS_MODULE.test(module) : typeof registered === 'string';
}

const namedSchema = z.object({ name: nameSchema });

const SUBCLASS =
  'only Sequential and Functional models describe their layers; for a subclass of Model, only its Python code knows them';

/** Reads a model's outline and adds every fault. Returns null if it is not a model that can be read. */
export class ModelReader {
  readonly #faults: FaultList;
  readonly #maxLayers: number;
  #layers = 0;
  #calls = 0;
  #positions = 0;

  constructor(faults: FaultList, maxLayers: number) {
    this.#faults = faults;
    this.#maxLayers = maxLayers;
  }

  read(given: unknown, path: readonly PropertyKey[], depth = 0): Model | null {
    const faults = this.#faults;
    const type = modelType(given);
    if (!isObject(given) || !type) {
      const found = isObject(given) && 'class_name' in given ? quote(given.class_name) : quote(given);
      const what = posted(given);
      faults.add(
        path,
        what ?? `expected a model, an object with a class_name and a config, not ${found}: ${SUBCLASS}`,
      );
      return null;
    }
    if (depth === MAX_DEPTH) {
      faults.add(path, `models within models, more than ${MAX_DEPTH} deep`);
      return null;
    }
    // Before Keras 2.2.3 a Sequential's config was the list of its layers.
    const isList = Array.isArray(given.config);
    const config = isObject(given.config) ? given.config : {};
    const layers = isList ? given.config : config.layers;
    const base = [...path, 'config', ...(isList ? [] : ['layers'])];
    if (!Array.isArray(layers) || layers.length === 0) {
      faults.add(base, `expected a ${type} model’s layers, an array of one or more`);
      return null;
    }
    this.#layers += layers.length;
    if (this.#layers > this.#maxLayers) {
      faults.add(
        base,
        `${this.#layers} layers, more than the ${this.#maxLayers} that this server takes (MAX_NODES)`,
      );
      faults.throwIfAny();
    }
    // The name of a Sequential is part of its weights' names, so it must be valid. For a model within a model, the
    // check of its layer adds this fault.
    const named = namedSchema.safeParse(config);
    if (named.error && config.name && depth === 0)
      addZodFaults(faults, named.error, config, [...path, 'config']);
    const first: unknown = isObject(layers[0]) ? layers[0].config : null;
    return {
      type,
      name: named.data?.name ?? type.toLowerCase(),
      layers: this.#readLayers(layers, base, type, depth),
      inputSize: type === 'Sequential' ? (inputSizeOf(first) ?? inputSizeOf(config)) : null,
      inputs: references(config.input_layers, [...path, 'config', 'input_layers'], faults),
      outputs: references(config.output_layers, [...path, 'config', 'output_layers'], faults),
    };
  }

  #readLayers(
    layers: readonly unknown[],
    base: readonly PropertyKey[],
    type: Model['type'],
    depth: number,
  ): ModelLayer[] {
    const names = new Map<string, number>();
    return layers.flatMap((layer, index): ModelLayer[] => {
      const path = [...base, index];
      if (!isObject(layer) || typeof layer.class_name !== 'string') {
        this.#faults.add(
          path,
          `expected a layer, an object with a class_name and a config, not ${quote(layer)}`,
        );
        return [];
      }
      const name = this.#nameOf(layer, path);
      const other = names.get(name);
      if (name !== '' && other !== undefined) {
        this.#faults.add(
          [...path, 'config', 'name'],
          `the name ${quote(name)} is layer ${other}’s too; each needs its own`,
        );
      }
      names.set(name, index);
      const calls =
        type === 'Sequential' ? [PLAIN] : this.#readCalls(layer.inbound_nodes, [...path, 'inbound_nodes']);
      const position = this.#positions++;
      const model = modelType(layer) ? this.read(layer, path, depth + 1) : null;
      const { class_name, config = {}, build_config: build } = layer;
      const module = typeof layer.module === 'string' ? layer.module : null;
      const builtFor = isObject(build) ? sizeOfShape(build.input_shape) : null;
      const isOwn = isOwnClass(layer);
      return [{ type: class_name, module, isOwn, name, config, path, position, calls, builtFor, model }];
    });
  }

  #readCalls(nodes: unknown, path: readonly PropertyKey[]): Call[] {
    const calls = asArray(nodes);
    this.#calls += calls.length;
    if (this.#calls > this.#maxLayers) {
      this.#faults.add(
        path,
        `layers are called more often than the ${this.#maxLayers} times that this server takes (MAX_NODES)`,
      );
      this.#faults.throwIfAny();
    }
    return calls.map((call, index) => readCall(call, [...path, index], this.#faults));
  }

  #nameOf(layer: Record<string, unknown>, path: readonly PropertyKey[]): string {
    // The oldest form of a Sequential has no name in its config. In a Functional model, the layer has the name instead.
    const isOwn = isObject(layer.config) && ('name' in layer.config || !('name' in layer));
    const config = isOwn ? layer.config : layer;
    const read = layerNameSchema.safeParse(config);
    if (read.success) return read.data.name;
    addZodFaults(this.#faults, read.error, config, config === layer ? path : [...path, 'config']);
    return '';
  }
}

/** Keras 3 calls the shape of an input `batch_shape`, Keras 2 `batch_input_shape`. */
export function generationOf({ layers }: Model): Generation {
  const isKeras3 = layers.some(({ type, config, model }) =>
    model ? generationOf(model) === 3 : type === 'InputLayer' && isObject(config) && 'batch_shape' in config,
  );
  return isKeras3 ? 3 : 2;
}

/** The input size without the batch, from a layer's config; null if it is not there. */
export function inputSizeOf(config: unknown): Size | null {
  if (!isObject(config)) return null;
  const { batch_shape, batch_input_shape, build_input_shape } = config;
  return sizeOfShape(batch_shape) ?? sizeOfShape(batch_input_shape) ?? sizeOfShape(build_input_shape);
}
