import { z } from 'zod';
import type { FaultList } from '../faults.js';
import { quote } from '../faults.js';
import { isObject } from '../json.js';
import { Hints } from '../nearest.js';
import { checkNameLength } from '../schema.js';
import { addZodFaults } from '../zod-faults.js';
import type { LayerType, ReadLayer, Value } from './layer-type.js';
import type { Network } from './network.js';
import { LAYER_TYPES } from './types/index.js';
import { REFUSED } from './types/refused.js';

const TYPES: ReadonlyMap<string, LayerType> = new Map(LAYER_TYPES.map((layer) => [layer.type, layer]));

/** What `inputs` call the network's own input. */
const INPUT = 'input';

/** Puts layers into a network, one after the other, and adds the faults of each. */
export class LayerReader {
  readonly #network: Network;
  readonly #faults: FaultList;
  /** What each layer so far gives, by its name. */
  readonly #values: Map<string, Value>;
  /** The layer that has a tensor, by the tensor's name. */
  readonly #owners = new Map<string, string>();
  readonly #hints = new Hints();
  #last: Value;

  constructor(network: Network, input: Value, faults: FaultList) {
    this.#network = network;
    this.#faults = faults;
    this.#values = new Map([[INPUT, input]]);
    this.#last = input;
  }

  /** Gives the last layer's output. */
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

  /** Of a layer that cannot be read, the output is unknown: what is behind it is checked as far as can be. */
  #readLayer(
    layer: unknown,
    name: string | null,
    index: number,
    positions: ReadonlyMap<string, number>,
  ): Value {
    const path = ['layers', index];
    const type = this.#typeOf(layer, path);
    const read = type?.read(layer);
    if (read instanceof z.ZodError) addZodFaults(this.#faults, read, layer, path);
    if (!type || !read || read instanceof z.ZodError) return unknownValue(`layer ${index}`);
    const label = `${type.type} ${quote(name)}`;
    const inputs = this.#inputsOf(read, type, label, index, positions);
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

  #typeOf(layer: unknown, path: readonly PropertyKey[]): LayerType | undefined {
    const given = isObject(layer) ? layer.type : undefined;
    if (typeof given !== 'string') {
      this.#faults.add(path, `expected a layer, an object with a name and a type, not ${quote(layer)}`);
      return undefined;
    }
    const type = TYPES.get(given);
    const reason = REFUSED.get(given);
    if (reason) {
      this.#faults.add([...path, 'type'], `${quote(given)} cannot be predicted: ${reason}`);
    } else if (!type) {
      const types = `the types are ${[...TYPES.keys()].join(', ')}`;
      const hint = this.#hints.for(given, TYPES.keys());
      this.#faults.add([...path, 'type'], `unknown layer type ${quote(given)}${hint} (${types})`);
    }
    return type;
  }

  #inputsOf(
    { inputs }: ReadLayer,
    { severalInputs }: LayerType,
    label: string,
    index: number,
    positions: ReadonlyMap<string, number>,
  ): readonly Value[] {
    if (!inputs) return [this.#last];
    if (inputs.length > 1 && !severalInputs) {
      const message = `${label} takes one input; join several with Add or Concat`;
      this.#faults.add(['layers', index, 'inputs'], message);
    }
    return inputs.map((name, k) => {
      const value = this.#values.get(name);
      if (value) return value;
      const later = positions.get(name);
      const which = later === index ? 'the layer itself' : 'a later layer';
      const message =
        later === undefined
          ? `${quote(name)} is no layer’s name${this.#hints.for(name, this.#values.keys())}`
          : `${quote(name)} is ${which}; a layer takes those before it`;
      this.#faults.add(['layers', index, 'inputs', k], message);
      return unknownValue(quote(name));
    });
  }

  /** A tensor's name can be that of no other layer and of no other layer's tensor, and no longer than others. */
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
        const message = `a tensor of ${label} would be called ${quote(tensor)}, as ${other} is; name the layer otherwise`;
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
