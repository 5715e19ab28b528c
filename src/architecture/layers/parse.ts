import { z } from 'zod';
import type { Architecture } from '../architecture.js';
import { ArchitectureError, FaultList, quote } from '../faults.js';
import { buildArchitecture } from '../graph.js';
import { asArray, isObject } from '../json.js';
import type { Limits } from '../limits.js';
import { didYouMean } from '../nearest.js';
import { addZodFaults } from '../zod-faults.js';
import type { LayerType, Value } from './layer-type.js';
import { Network } from './network.js';
import { layersSchema } from './schema.js';
import { LAYER_TYPES } from './types/index.js';
import { REFUSED } from './types/refused.js';

// The layers are read one by one, each by its own type's schema.
const outlineSchema = layersSchema.extend({ layers: z.array(z.unknown()) });

const TYPES: ReadonlyMap<string, LayerType> = new Map(LAYER_TYPES.map((layer) => [layer.type, layer]));

/** What later layers, and `inputs`, call the network's own input. */
const INPUT = 'input';

/**
 * Reads layers, checks their sizes through the network, and makes the graph that a trace of the same PyTorch module
 * gives. Where `input` is missing, it is whatever the first layer takes.
 * @throws ArchitectureError with every fault, each with its JSON pointer into `input`.
 */
export function parseLayers(input: unknown, limits: Limits): Architecture {
  const faults = new FaultList();
  const outline = outlineSchema.safeParse(input);
  if (!outline.success) addZodFaults(faults, outline.error, input, []);
  const size = outline.data?.input ?? null;
  const network = new Network();
  const reader = new Reader(network, { node: 0, size, giver: 'the network’s input' }, faults);
  const output = reader.read(isObject(input) ? asArray(input.layers) : []);
  faults.throwIfAny();
  try {
    return buildArchitecture(network.graph(outline.data?.name ?? '', output.node), limits);
  } catch (error) {
    throw error instanceof ArchitectureError ? inLayers(error, network) : error;
  }
}

/** Puts layers into a network, one after the other. */
class Reader {
  readonly #network: Network;
  readonly #faults: FaultList;
  /** What each layer so far gives, by its name. */
  readonly #values: Map<string, Value>;
  #last: Value;

  constructor(network: Network, input: Value, faults: FaultList) {
    this.#network = network;
    this.#faults = faults;
    this.#values = new Map([[INPUT, input]]);
    this.#last = input;
  }

  /** The last layer's output. */
  read(layers: readonly unknown[]): Value {
    const positions = new Map(layers.map((layer, index) => [nameOf(layer), index]));
    layers.forEach((layer, index) => {
      this.#network.nextLayer();
      this.#last = this.#place(layer, index, positions);
    });
    return this.#last;
  }

  #place(layer: unknown, index: number, positions: ReadonlyMap<string | null, number>): Value {
    const name = nameOf(layer);
    const unknown: Value = { node: 0, size: null, giver: `layer ${index}` };
    if (name !== null && this.#values.has(name)) {
      const message = name === INPUT ? 'a layer cannot be called "input", which is the network’s own' : null;
      this.#faults.add(
        ['layers', index, 'name'],
        message ?? `duplicate name ${quote(name)}: an earlier layer has it too`,
      );
    }
    const type = this.#type(layer, index);
    const read = type?.read(layer);
    if (read instanceof z.ZodError) addZodFaults(this.#faults, read, layer, ['layers', index]);
    if (!type || !read || read instanceof z.ZodError) {
      if (name !== null) this.#values.set(name, unknown);
      return unknown;
    }
    const label = `${type.type} ${quote(name)}`;
    const inputs = read.inputs?.map((from, k) =>
      this.#find(from, ['layers', index, 'inputs', k], index, positions),
    );
    if (inputs && inputs.length > 1 && !type.severalInputs) {
      this.#faults.add(
        ['layers', index, 'inputs'],
        `${label} takes one input; join several with Add or Concat`,
      );
    }
    const taken = inputs ?? [this.#last];
    const output = read.place({
      label,
      input: taken[0]!,
      inputs: taken,
      network: this.#network,
      fault: (key, message) => this.#faults.add(['layers', index, ...(key === null ? [] : [key])], message),
    });
    const value = { ...output, giver: label };
    if (name !== null) this.#values.set(name, value);
    return value;
  }

  #type(layer: unknown, index: number): LayerType | null {
    const given = isObject(layer) ? layer.type : undefined;
    if (typeof given !== 'string') {
      this.#faults.add(
        ['layers', index],
        `expected a layer, an object with a name and a type, not ${quote(layer)}`,
      );
      return null;
    }
    const type = TYPES.get(given);
    if (type) return type;
    const reason = REFUSED.get(given);
    const hint = didYouMean(given, TYPES.keys());
    const message = reason
      ? `${quote(given)} cannot be predicted: ${reason}`
      : `unknown layer type ${quote(given)}${hint} (the types are ${[...TYPES.keys()].join(', ')})`;
    this.#faults.add(['layers', index, 'type'], message);
    return null;
  }

  #find(
    name: string,
    path: readonly PropertyKey[],
    index: number,
    positions: ReadonlyMap<string | null, number>,
  ): Value {
    const value = this.#values.get(name);
    if (value) return value;
    const later = positions.get(name);
    const message =
      later === undefined
        ? `${quote(name)} is no layer’s name${didYouMean(name, this.#values.keys())}`
        : `${quote(name)} is ${later === index ? 'the layer itself' : 'a later layer'}; a layer takes those before it`;
    this.#faults.add(path, message);
    return { node: 0, size: null, giver: quote(name) };
  }
}

function nameOf(layer: unknown): string | null {
  return isObject(layer) && typeof layer.name === 'string' ? layer.name : null;
}

/** Faults of the graph that layers make, at the layers that the nodes are made of. */
function inLayers(error: ArchitectureError, network: Network): ArchitectureError {
  return new ArchitectureError(
    error.faults.map(({ path, message }) => {
      const [, node] = /^\/nodes\/(\d+)/.exec(path) ?? [];
      return { path: node === undefined ? '/layers' : `/layers/${network.layerOf(Number(node))}`, message };
    }),
  );
}
