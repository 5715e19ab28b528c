import { z } from 'zod';
import { SKIP } from '../architecture.js';
import type { FaultList } from '../faults.js';
import { quote } from '../faults.js';
import { isObject } from '../json.js';
import { Hints } from '../nearest.js';
import { checkNameLength, nameSchema, shortArray, tensorNameSchema } from '../schema.js';
import { addZodFaults } from '../zod-faults.js';
import { LAYER_ALIASES } from './aliases.js';
import { type LayerType, MAX_INPUTS, type Value } from './layer-type.js';
import type { Network } from './network.js';
import { LAYER_TYPES } from './types/index.js';
import { REFUSED } from './types/refused.js';

const TYPES: ReadonlyMap<string, LayerType> = new Map(LAYER_TYPES.map((layer) => [layer.type, layer]));

/** Name of the network's own input in `inputs`. */
const INPUT = 'input';

/** The keys common to all layers. */
const leftOutSchema = z.looseObject({
  name: tensorNameSchema,
  inputs: shortArray(nameSchema, 1, MAX_INPUTS, `names 1 to ${MAX_INPUTS} layers`).optional(),
});

/** Adds layers to a network one by one, and collects their faults. */
export class LayerReader {
  /** A line for each omitted layer. */
  readonly leftOut: string[] = [];
  readonly #network: Network;
  readonly #skips: boolean;
  readonly #faults: FaultList;
  /** The output of each layer so far, by the layer's name. */
  readonly #values: Map<string, Value>;
  /** The layer that owns each tensor, by the tensor's name. */
  readonly #owners = new Map<string, string>();
  readonly #hints = new Hints();
  #last: Value;

  /** @param skips true if layers that cannot be predicted are omitted rather than refused */
  constructor(network: Network, input: Value, skips: boolean, faults: FaultList) {
    this.#network = network;
    this.#skips = skips;
    this.#faults = faults;
    this.#values = new Map([[INPUT, input]]);
    this.#last = input;
  }

  /** Returns the last layer's output. */
  read(layers: readonly unknown[]): Value {
    const positions = new Map<string, number>();
    for (const [index, layer] of layers.entries()) {
      const name = nameOf(layer);
      if (name !== null && !positions.has(name)) positions.set(name, index);
    }
    for (const [index, layer] of layers.entries()) {
      const name = nameOf(layer);
      this.#checkName(name, index);
      this.#last = this.#readLayer(layer, name, index, positions);
      if (name !== null) this.#values.set(name, this.#last);
    }
    return this.#last;
  }

  #checkName(name: string | null, index: number): void {
    const owner = name === null ? undefined : this.#owners.get(name);
    const other =
      name === INPUT
        ? 'is that of the network’s own input'
        : name !== null && this.#values.has(name)
          ? 'is an earlier layer’s too'
          : owner && `is that of a tensor of ${owner}`;
    if (other)
      this.#faults.add(['layers', index, 'name'], `the name ${quote(name)} ${other}; each needs its own`);
  }

  /** If a layer cannot be read, its output is unknown, and later layers are checked as far as possible. */
  #readLayer(
    layer: unknown,
    name: string | null,
    index: number,
    positions: ReadonlyMap<string, number>,
  ): Value {
    const path = ['layers', index];
    if (this.#skips && isObject(layer) && typeof layer.type === 'string') {
      const reason = REFUSED.get(layer.type);
      if (reason !== undefined) return this.#leaveOut(layer, reason, index, positions);
    }
    const type = this.#typeOf(layer, path);
    const read = type?.read(layer);
    if (read instanceof z.ZodError) addZodFaults(this.#faults, read, layer, path);
    if (!type || !read || read instanceof z.ZodError) return unknownValue(`layer ${index}`);
    const label = `${type.type} ${quote(name)}`;
    const inputs = this.#inputsOf(read.inputs, index, positions);
    if (inputs.length > 1 && !type.severalInputs) {
      const message = `${label} takes one input; join several with Add or Concat`;
      this.#faults.add([...path, 'inputs'], message);
    }
    const tensors = this.#network.tensorCount;
    const output = read.place({
      label,
      input: inputs[0]!,
      inputs,
      network: this.#network,
      fault: (key, message) => this.#faults.add(key === null ? path : [...path, key], message),
    });
    this.#checkTensors(this.#network.tensorNames(tensors), name, label, path);
    return { ...output, giver: label };
  }

  /** Omits a layer by connecting the layers after it to those before it. The arguments of its class are not checked. */
  #leaveOut(
    layer: Record<string, unknown>,
    reason: string,
    index: number,
    positions: ReadonlyMap<string, number>,
  ): Value {
    const read = leftOutSchema.safeParse(layer);
    if (read.error) addZodFaults(this.#faults, read.error, layer, ['layers', index]);
    const { name, inputs } = read.data ?? {};
    const label = `${String(layer.type)} ${quote(name)}`;
    this.leftOut.push(`${label}: ${reason}`);
    const given = this.#inputsOf(inputs, index, positions);
    const node = this.#network.junction(given.map((value) => value.node)) ?? 0;
    return { node, size: null, giver: `${label}, which is left out,` };
  }

  #typeOf(layer: unknown, path: readonly PropertyKey[]): LayerType | undefined {
    const given = isObject(layer) ? layer.type : undefined;
    if (typeof given !== 'string') {
      this.#faults.add(path, `expected a layer, an object with a name and a type, not ${quote(layer)}`);
      return undefined;
    }
    const type = TYPES.get(given);
    const reason = REFUSED.get(given);
    if (reason) {
      this.#faults.add([...path, 'type'], `${quote(given)} cannot be predicted: ${reason}${SKIP}`);
    } else if (!type) {
      const types = `the types are ${[...TYPES.keys()].join(', ')}`;
      const hint = this.#hints.for(given, TYPES.keys(), LAYER_ALIASES);
      this.#faults.add([...path, 'type'], `unknown layer type ${quote(given)}${hint} (${types})`);
    }
    return type;
  }

  #inputsOf(
    inputs: readonly string[] | undefined,
    index: number,
    positions: ReadonlyMap<string, number>,
  ): readonly Value[] {
    if (!inputs) return [this.#last];
    return inputs.map((name, k) => {
      const value = this.#values.get(name);
      if (value) return value;
      const later = positions.get(name);
      const which = later === index ? 'the layer itself' : 'a later layer';
      const message =
        later === undefined
          ? `${quote(name)} is not the name of a layer${this.#hints.for(name, this.#values.keys())}`
          : `${quote(name)} is ${which}; a layer takes those before it`;
      this.#faults.add(['layers', index, 'inputs', k], message);
      return unknownValue(quote(name));
    });
  }

  /**
   * A tensor must not have the name of another layer or of another layer's tensor, and its name must not be too long.
   */
  #checkTensors(
    tensors: Iterable<string>,
    name: string | null,
    label: string,
    path: readonly PropertyKey[],
  ): void {
    for (const tensor of tensors) {
      const owner = this.#owners.get(tensor);
      const isLayer = tensor !== name && this.#values.has(tensor);
      const other = owner ? `a tensor of ${owner}` : isLayer ? 'a layer' : null;
      if (other) {
        const message = `a tensor of ${label} would be called ${quote(tensor)}, as ${other} is; give the layer another name`;
        this.#faults.add([...path, 'name'], message);
      }
      checkNameLength(tensor, label, [...path, 'name'], this.#faults);
      this.#owners.set(tensor, label);
    }
  }
}

function nameOf(layer: unknown): string | null {
  return isObject(layer) && typeof layer.name === 'string' ? layer.name : null;
}

function unknownValue(giver: string): Value {
  return { node: 0, size: null, giver };
}
