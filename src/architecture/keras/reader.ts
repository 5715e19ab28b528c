import { z } from 'zod';
import type { FaultList } from '../faults.js';
import { quote } from '../faults.js';
import type { Output, Value } from '../layers/layer-type.js';
import type { Network } from '../layers/network.js';
import type { Size } from '../layers/size.js';
import { Hints } from '../nearest.js';
import type { IndexPair } from '../order.js';
import { topologicalOrder } from '../order.js';
import { checkNameLength } from '../schema.js';
import { addZodFaults } from '../zod-faults.js';
import { type Generation, type KerasLayer, LayerWeights } from './layer.js';
import { KERAS_LAYERS } from './layers/index.js';
import { REFUSED } from './layers/refused.js';
import { inputSizeOf, type Model, type ModelLayer } from './model.js';
import { layerClass } from './operations.js';
import { callOf, type Reference } from './references.js';
import type { Variable } from './variable.js';

/** A layer as it stands in the network, all models within it among them. */
export interface PlacedLayer {
  readonly layer: ModelLayer;
  readonly inputs: readonly (Size | null)[];
  readonly variables: readonly Variable[];
}

/** The models around a layer whose names its weights' names begin with. */
type Prefix = readonly string[];

interface ModelCall {
  readonly layer: ModelLayer;
  readonly takes: readonly Reference[];
  /** Which of the layer's calls it is. */
  readonly index: number;
}

/**
 * To each layer that a network may have, its calls, what these take, and the models around it: an Add in a model of its
 * own comes to nine. What a model costs is counted as often as it is called, whether it has layers or an input alone.
 */
const STEPS_TO_A_LAYER = 16;

/** Puts the layers of a model into a network, those of the models in it as well, and adds the faults of each. */
export class KerasReader {
  readonly placed: PlacedLayer[] = [];
  readonly #network: Network;
  readonly #generation: Generation;
  readonly #faults: FaultList;
  /** What each name stands for, of a weight in Keras or in PyTorch: the layer that has it. */
  readonly #owners = new Map<string, string>();
  readonly #hints = new Hints();
  readonly #maxLayers: number;
  #stepsLeft: number;

  /** @param maxLayers how often layers may be used: a model in a model that is used twice has its layers used twice */
  constructor(network: Network, generation: Generation, maxLayers: number, faults: FaultList) {
    this.#network = network;
    this.#maxLayers = maxLayers;
    this.#stepsLeft = STEPS_TO_A_LAYER * maxLayers;
    this.#generation = generation;
    this.#faults = faults;
  }

  /** The whole model's outputs; its input is the network's. */
  read(model: Model): readonly Value[] {
    return this.#readModel(model, null, []);
  }

  /** @param inputs null for the network's own, whose size the model says */
  #readModel(model: Model, inputs: readonly Value[] | null, outer: Prefix): readonly Value[] {
    this.#pay(model);
    if (model.type === 'Functional') return this.#readFunctional(model, inputs, outer);
    // Keras 3 has a Sequential's name in the paths of what is in it.
    const prefix = this.#generation === 3 ? [model.name] : outer;
    let value = inputs?.[0] ?? null;
    for (const layer of model.layers) {
      if (layer.type === 'InputLayer') {
        value ??= this.#networkInput(layer, inputSizeOf(layer.config));
        continue;
      }
      // A model that comes first has its own input.
      if (!layer.model) value ??= this.#networkInput(layer, model.inputSize);
      [value] = this.#readLayer(layer, value && [value], prefix) as [Value];
    }
    return [value ?? unknownValue(model.name)];
  }

  /** Counts what reading a model takes, before it is read: models in models multiply, and a body of 3 kB is enough. */
  #pay({ layers, inputs, outputs }: Model): void {
    const own = 1 + inputs.length + outputs.length;
    this.#stepsLeft -= layers.reduce(
      (sum, { calls }) => calls.reduce((steps, takes) => steps + 1 + takes.length, sum + 1),
      own,
    );
    if (this.#stepsLeft >= 0) return;
    const max = STEPS_TO_A_LAYER * this.#maxLayers;
    this.#faults.add(
      pathOf(layers),
      'models within models come to more uses of layers and of their outputs than ' +
        `the ${max} that this server takes; call them less often`,
    );
    this.#faults.throwIfAny();
  }

  #readFunctional(model: Model, inputs: readonly Value[] | null, prefix: Prefix): readonly Value[] {
    const given = new Map(model.inputs.map(({ layer }, index) => [layer, inputs?.[index]]));
    const calls = model.layers.flatMap((layer): ModelCall[] =>
      layer.type === 'InputLayer'
        ? [{ layer, takes: [], index: 0 }]
        : layer.calls.map((takes, index) => ({ layer, takes, index })),
    );
    const find = this.#finder(model, calls);
    const takes = calls.map((call) => call.takes.map((reference) => find(reference)));
    const edges = takes.flatMap((sources, to) =>
      sources.flatMap((source): IndexPair[] => (source === null ? [] : [[source, to]])),
    );
    const order = topologicalOrder(calls.length, edges, 0);
    const values: (readonly Value[])[] = [];
    const outputOf = (reference: Reference, source: number | null): Value =>
      (source === null ? undefined : values[source]?.[reference.output]) ??
      unknownValue(quote(reference.layer));
    let inputLayer: ModelLayer | null = null;
    const owned = new Map<ModelLayer, number>();
    for (const at of order) {
      const call = calls[at]!;
      const { layer } = call;
      if (layer.type === 'InputLayer') {
        if (inputs === null && inputLayer) this.#addSecondInput(layer, inputLayer);
        inputLayer ??= layer;
        values[at] = [given.get(layer.name) ?? this.#networkInput(layer, inputSizeOf(layer.config))];
        continue;
      }
      const from = call.takes.map((reference, k) => outputOf(reference, takes[at]![k]!));
      if (from.length === 0) {
        this.#faults.add(
          [...layer.path, 'inbound_nodes', call.index],
          `${quote(layer.name)} is called with no layer’s output`,
        );
      }
      if (call.index > 0 && (owned.get(layer) ?? 0) > 0) {
        this.#addShared(call);
        values[at] = [unknownValue(quote(layer.name))];
        continue;
      }
      const before = this.#network.tensorCount;
      values[at] = this.#readLayer(layer, from.length > 0 ? from : [unknownValue('nothing')], prefix);
      owned.set(layer, this.#network.tensorCount - before);
    }
    this.#addCycle(model, calls, order);
    return model.outputs.map((reference) => outputOf(reference, find(reference)));
  }

  /** The call that a reference names, with a fault where there is none. */
  #finder(model: Model, calls: readonly ModelCall[]): (reference: Reference) => number | null {
    const byLayer = new Map<string, number[]>();
    calls.forEach(({ layer: { name } }, index) => {
      const known = byLayer.get(name);
      if (known) known.push(index);
      else byLayer.set(name, [index]);
    });
    const models = new Set(model.layers.flatMap(({ name, model }) => (model ? [name] : [])));
    return (reference) => {
      const { layer, call, path } = reference;
      const of = byLayer.get(layer) ?? [];
      const found = of[callOf(reference, models.has(layer), this.#generation)];
      if (found !== undefined) return found;
      const isLayer = model.layers.some(({ name }) => name === layer);
      const message = isLayer
        ? `${quote(layer)} is called ${of.length} times here, so it has no call ${call}`
        : `${quote(layer)} is no layer’s name${this.#hints.for(layer, byLayer.keys())}`;
      this.#faults.add(path, message);
      return null;
    };
  }

  #addSecondInput(layer: ModelLayer, first: ModelLayer): void {
    const message = `a second input, ${quote(layer.name)}, besides ${quote(first.name)}; a GHN’s networks have one`;
    this.#faults.add(layer.path, message);
  }

  #addShared({ layer, index }: ModelCall): void {
    const message =
      `${layer.type} ${quote(layer.name)} is used ${layer.calls.length} times with the same weights: ` +
      'a GHN predicts weights that are used once; give each use a layer of its own';
    this.#faults.add([...layer.path, 'inbound_nodes', index], message);
  }

  #addCycle({ layers }: Model, calls: readonly ModelCall[], order: readonly number[]): void {
    if (order.length === calls.length) return;
    const reached = new Set(order);
    const left = calls.filter((_, index) => !reached.has(index)).map(({ layer }) => layer.name);
    const names = left.slice(0, 5).map(quote).join(', ');
    this.#faults.add(pathOf(layers), `a cycle among ${left.length} layers, or behind one: ${names}`);
  }

  #networkInput(layer: ModelLayer, size: Size | null): Value {
    if (size === null) {
      const remedy = 'build the model with its input shape, or begin it with an Input';
      this.#faults.add([...layer.path, 'config'], `the model’s input shape is not said: ${remedy}`);
    }
    return { node: 0, size, giver: `the input ${quote(layer.name)}` };
  }

  #readLayer(layer: ModelLayer, inputs: readonly Value[] | null, prefix: Prefix): readonly Value[] {
    if (layer.model) {
      // Names in it are as if its layers were those of the model around it.
      const outputs = this.#readModel(layer.model, inputs, prefix);
      return outputs.length > 0 ? outputs : [unknownValue(quote(layer.name))];
    }
    const label = `${layer.type} ${quote(layer.name)}`;
    const type = this.#typeOf(layer);
    const place = type?.read(layer.config);
    if (place instanceof z.ZodError)
      addZodFaults(this.#faults, place, layer.config, [...layer.path, 'config']);
    if (!type || !place || place instanceof z.ZodError || inputs === null) return [unknownValue(label)];
    if (inputs.length > 1 && !type.severalInputs) {
      this.#faults.add([...layer.path, 'inbound_nodes'], `${label} takes one input, not ${inputs.length}`);
    }
    const weights = new LayerWeights(this.#network, [...prefix, layer.name]);
    const output: Output = place({
      label,
      generation: this.#generation,
      input: inputs[0]!,
      inputs,
      network: this.#network,
      weights,
      fault: (key, message) =>
        this.#faults.add(key === null ? layer.path : [...layer.path, 'config', key], message),
    });
    this.#checkNames(weights.variables, label, layer);
    if (this.placed.length === this.#maxLayers) {
      this.#faults.add(
        layer.path,
        `layers are used more often than the ${this.#maxLayers} times that this server takes`,
      );
      this.#faults.throwIfAny();
    }
    // An attention makes nine. Some turn out to be none, so that the limit itself is for the end.
    if (this.#network.nodeCount > this.#maxLayers) {
      const message = `the layers up to this one have more than ${this.#maxLayers} nodes: the network is too large`;
      this.#faults.add(layer.path, message);
      this.#faults.throwIfAny();
    }
    this.placed.push({ layer, inputs: inputs.map(({ size }) => size), variables: weights.variables });
    return [{ ...output, giver: label }];
  }

  #typeOf({ type, config, path }: ModelLayer): KerasLayer | undefined {
    const known = KERAS_LAYERS.get(layerClass(type, config));
    const reason = REFUSED.get(type);
    if (reason) this.#faults.add([...path, 'class_name'], `${quote(type)} cannot be predicted: ${reason}`);
    else if (!known) {
      const hint = this.#hints.for(type, KERAS_LAYERS.keys());
      const message = `${quote(type)} is none of the layers whose weights and sizes are known here${hint}`;
      this.#faults.add([...path, 'class_name'], message);
    }
    return known;
  }

  /** Weights of different layers can have no name in common, in Keras or in PyTorch. */
  #checkNames(variables: readonly Variable[], label: string, { path }: ModelLayer): void {
    const names = variables.flatMap((variable) => [variable.path, variable.name]);
    for (const name of names) {
      const owner = this.#owners.get(name);
      if (owner === undefined) continue;
      const message = `a weight of ${label} would be called ${quote(name)}, as one of ${owner} is; name the layer otherwise`;
      this.#faults.add([...path, 'config', 'name'], message);
      break;
    }
    for (const name of names) {
      checkNameLength(name, label, [...path, 'config', 'name'], this.#faults);
      this.#owners.set(name, label);
    }
  }
}

/** Of a model's layers, all together; a model that was read has one or more, or faults that say why not. */
function pathOf([first]: readonly ModelLayer[]): readonly PropertyKey[] {
  return first?.path.slice(0, -1) ?? ['keras'];
}

function unknownValue(giver: string): Value {
  return { node: 0, size: null, giver };
}
