import { z } from 'zod';
import type { FaultList } from '../faults.js';
import { quote } from '../faults.js';
import type { Value } from '../layers/layer-type.js';
import type { Network } from '../layers/network.js';
import type { Size } from '../layers/size.js';
import { Hints } from '../nearest.js';
import type { IndexPair } from '../order.js';
import { topologicalOrder } from '../order.js';
import { checkNameLength } from '../schema.js';
import { addZodFaults } from '../zod-faults.js';
import { inputsOfCall, readArguments } from './arguments.js';
import { type Generation, type KerasLayer, LayerWeights } from './layer.js';
import { KERAS_LAYERS } from './layers/index.js';
import { REFUSED } from './layers/refused.js';
import { inputSizeOf, type Model, type ModelLayer } from './model.js';
import { functionOf, isOperation, operationType } from './operations/index.js';
import { type Call, callOf, type Reference } from './references.js';
import { declared, sizeBehind } from './skipped.js';
import type { Variable } from './variable.js';

/** A layer as it stands in the network, all models within it among them. */
export interface PlacedLayer {
  readonly layer: ModelLayer;
  /** Where it is used first. */
  readonly call: Call;
  /** The sizes of its inputs, and of its first output. */
  readonly inputs: readonly (Size | null)[];
  readonly size: Size | null;
  readonly variables: readonly Variable[];
}

/** How a refusal says that there is another way. */
const SKIP = '; "unsupported": "skip" beside the architecture leaves it out';

/** The names of the models around a layer. */
interface Around {
  /** Of those that its weights' paths begin with. */
  readonly prefix: readonly string[];
  /** Of all of them, the outermost first. */
  readonly models: readonly string[];
}

interface ModelCall {
  readonly layer: ModelLayer;
  readonly call: Call;
  /** Which of the layer's calls it is. */
  readonly index: number;
}

const NOTHING: Call = { arguments: [], references: [] };

/** How a model is read. */
export interface KerasReaderOptions {
  readonly generation: Generation;
  /** How often layers may be used: a model in a model that is used twice has its layers used twice. */
  readonly maxLayers: number;
  /** Whether what cannot be predicted is left out rather than refused. */
  readonly skips: boolean;
}

/**
 * To each layer that a network may have, its calls, what these take, and the models around it: an Add in a model of its
 * own comes to nine. What a model costs is counted as often as it is called, whether it has layers or an input alone.
 */
const STEPS_TO_A_LAYER = 16;

/** A layer that is not predicted, on request. */
export interface LeftOut {
  readonly label: string;
  readonly reason: string;
}

/** What a layer or a model is called with: its values, one for each of the call's references, where it has any. */
interface ModelInputs {
  readonly call: Call;
  readonly values: readonly Value[];
}

/** Puts the layers of a model into a network, those of the models in it as well, and adds the faults of each. */
export class KerasReader {
  /** Every layer once, where it is used first. */
  readonly placed: PlacedLayer[] = [];
  /** Layers that are left out, and why. */
  readonly leftOut = new Map<ModelLayer, LeftOut>();
  /** Layers with weights that are used more than once. */
  readonly shared = new Set<string>();
  readonly #network: Network;
  readonly #generation: Generation;
  readonly #skips: boolean;
  readonly #faults: FaultList;
  /** What each name stands for, of a weight in Keras or in PyTorch: the layer that has it. */
  readonly #owners = new Map<string, string>();
  readonly #weights = new Map<ModelLayer, LayerWeights>();
  readonly #hints = new Hints();
  readonly #maxLayers: number;
  #usesLeft: number;
  #stepsLeft: number;

  constructor(network: Network, { generation, maxLayers, skips }: KerasReaderOptions, faults: FaultList) {
    this.#network = network;
    this.#maxLayers = maxLayers;
    this.#usesLeft = maxLayers;
    this.#stepsLeft = STEPS_TO_A_LAYER * maxLayers;
    this.#generation = generation;
    this.#skips = skips;
    this.#faults = faults;
  }

  /** The whole model's outputs; its inputs are the network's, which are one node. */
  read(model: Model): readonly Value[] {
    return this.#readModel(model, null, { prefix: [], models: [model.name] });
  }

  /** @param inputs null for the network's own, whose size the model says */
  #readModel(model: Model, inputs: ModelInputs | null, { models }: Around): readonly Value[] {
    this.#pay(model);
    // A Functional model's layers are built by themselves; Keras 3 has a Sequential's name in the paths of its own.
    if (model.type === 'Functional') return this.#readFunctional(model, inputs, { prefix: [], models });
    const around = { prefix: this.#generation === 3 ? [model.name] : [], models };
    let value = inputs?.values[0] ?? null;
    for (const [index, layer] of model.layers.entries()) {
      if (layer.type === 'InputLayer') {
        value ??= this.#networkInput(layer, inputSizeOf(layer.config));
        continue;
      }
      // A model that comes first has its own input.
      if (!layer.model) value ??= this.#networkInput(layer, model.inputSize);
      const given = value && { call: NOTHING, values: [value] };
      [value] = this.#readLayer(layer, given, around) as [Value];
      const size = value.size ?? model.layers[index + 1]?.builtFor ?? null;
      value = { ...value, size };
    }
    return [value ?? unknownValue(model.name)];
  }

  /** Counts what reading a model takes, before it is read: models in models multiply, and a body of 3 kB is enough. */
  #pay({ layers, inputs, outputs }: Model): void {
    const own = 1 + inputs.length + outputs.length;
    this.#stepsLeft -= layers.reduce(
      (sum, { calls }) => calls.reduce((steps, { references }) => steps + 1 + references.length, sum + 1),
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

  #readFunctional(model: Model, inputs: ModelInputs | null, around: Around): readonly Value[] {
    const given = inputs && valuesOfInputs(model, inputs);
    const calls = model.layers.flatMap((layer): ModelCall[] =>
      layer.type === 'InputLayer'
        ? [{ layer, call: NOTHING, index: 0 }]
        : layer.calls.map((call, index) => ({ layer, call, index })),
    );
    const find = this.#finder(model, calls);
    const sources = calls.map(({ call }) => call.references.map((reference) => find(reference)));
    const edges = sources.flatMap((from, to) =>
      from.flatMap((source): IndexPair[] => (source === null ? [] : [[source, to]])),
    );
    const order = topologicalOrder(calls.length, edges, 0);
    const values: (readonly Value[])[] = [];
    const outputOf = (reference: Reference, source: number | null): Value =>
      source === null
        ? unknownValue(quote(reference.layer))
        : this.#outputOf(reference, calls[source]!.layer, values[source]);
    for (const at of order) {
      const { layer, call, index } = calls[at]!;
      if (layer.type === 'InputLayer') {
        values[at] = [given?.get(layer.name) ?? this.#networkInput(layer, inputSizeOf(layer.config))];
        continue;
      }
      const from = call.references.map((reference, k) => outputOf(reference, sources[at]![k]!));
      if (from.length === 0) {
        this.#faults.add(
          [...layer.path, 'inbound_nodes', index],
          `${quote(layer.name)} is called with no layer’s output`,
        );
      }
      const used =
        from.length > 0 ? { call, values: from } : { call: NOTHING, values: [unknownValue('nothing')] };
      values[at] = this.#readLayer(layer, used, around);
    }
    this.#addCycle(model, calls, order);
    return model.outputs.map((reference) => outputOf(reference, find(reference)));
  }

  /** One of a layer's outputs; of what cannot be told from the layer, Keras 3 says the size. */
  #outputOf(reference: Reference, layer: ModelLayer, values: readonly UnknownValue[] | undefined): Value {
    const value = values?.[reference.output];
    if (value) return declared(value, reference);
    const [first] = values ?? [];
    // Whatever an operation gives comes from where its first output does.
    if (first && (isOperation(layer) || this.leftOut.has(layer))) {
      return declared({ ...first, size: null }, reference);
    }
    if (first && !first.isUnknown) {
      const outputs = values!.length === 1 ? 'one output' : `${values!.length} outputs`;
      this.#faults.add(
        reference.path,
        `${quote(reference.layer)} has ${outputs} here, so there is none of number ${reference.output}`,
      );
    }
    return unknownValue(quote(reference.layer));
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

  #readLayer(layer: ModelLayer, inputs: ModelInputs | null, around: Around): readonly Value[] {
    if (layer.model) {
      const within = { prefix: [], models: [...around.models, layer.model.name] };
      const outputs = this.#readModel(layer.model, inputs, within);
      return outputs.length > 0 ? outputs : [unknownValue(quote(layer.name))];
    }
    const label = `${layer.type} ${quote(layer.name)}`;
    const type = this.#typeOf(layer);
    if (typeof type === 'string') return [this.#leaveOut(layer, label, type, inputs)];
    const place = type?.read(layer.config);
    if (place instanceof z.ZodError)
      addZodFaults(this.#faults, place, layer.config, [...layer.path, 'config']);
    if (!type || !place || place instanceof z.ZodError || inputs === null) return [unknownValue(label)];
    const { values, named, constants } = readArguments(inputs.call, inputs.values, type, isOperation(layer));
    if (values.length > 1 && !type.severalInputs) {
      this.#faults.add([...layer.path, 'inbound_nodes'], `${label} takes one input, not ${values.length}`);
    }
    const fault = (key: string | null, message: string) =>
      this.#faults.add(key === null ? layer.path : [...layer.path, 'config', key], message);
    const known = this.#weights.get(layer);
    const weights = known ?? this.#weightsOf(layer, around);
    const { others = [], ...output } = place({
      label,
      generation: this.#generation,
      input: values[0] ?? unknownValue('nothing'),
      inputs: values,
      named,
      constants,
      network: this.#network,
      weights,
      fault,
    });
    this.#count(layer);
    if (!known) {
      this.#checkNames(weights.variables, label, layer);
      const sizes = values.map(({ size }) => size);
      this.placed.push({
        layer,
        call: inputs.call,
        inputs: sizes,
        size: output.size,
        variables: weights.variables,
      });
    } else if (weights.variables.length > 0) {
      this.shared.add(label);
      if (weights.mismatch) fault(null, `${label} is used more than once: ${weights.mismatch}`);
    }
    return [output, ...others].map((given) => ({ ...given, giver: label }));
  }

  #weightsOf(layer: ModelLayer, { prefix, models }: Around): LayerWeights {
    const weights = new LayerWeights(this.#network, {
      layer: [...prefix, layer.name],
      whole: [...models, layer.name],
      isTaken: (name) => this.#owners.has(name),
    });
    this.#weights.set(layer, weights);
    return weights;
  }

  /** Counts one more use of a layer. */
  #count({ path }: ModelLayer): void {
    if (this.#usesLeft-- === 0) {
      this.#faults.add(
        path,
        `layers are used more often than the ${this.#maxLayers} times that this server takes`,
      );
      this.#faults.throwIfAny();
    }
    // An attention makes nine. Some turn out to be none, so that the limit itself is for the end.
    if (this.#network.nodeCount > this.#maxLayers) {
      const message = `the layers up to this one have more than ${this.#maxLayers} nodes: the network is too large`;
      this.#faults.add(path, message);
      this.#faults.throwIfAny();
    }
  }

  /** What is behind a layer that is left out is joined to what is before it. */
  #leaveOut(layer: ModelLayer, label: string, reason: string, inputs: ModelInputs | null): Value {
    this.leftOut.set(layer, { label, reason });
    this.#count(layer);
    const given = inputs ? inputs.values : [];
    const node = this.#network.junction(given.map((value) => value.node)) ?? 0;
    const giver = `${label}, which is left out,`;
    return { node, size: sizeBehind(layer.type, layer.config, given[0]?.size ?? null), giver };
  }

  /** The layer's type; why it is left out; undefined where it is refused. */
  #typeOf(layer: ModelLayer): KerasLayer | string | undefined {
    const { type, config, path } = layer;
    const known = isOperation(layer) ? operationType(layer) : KERAS_LAYERS.get(type);
    const reason = isOperation(layer) ? null : (REFUSED.get(type) ?? known?.refuses(config) ?? null);
    if (known && reason === null) return known;
    const at = [...path, 'class_name'];
    if (reason !== null) {
      if (this.#skips) return reason;
      this.#faults.add(at, `${quote(type)} cannot be predicted: ${reason}${SKIP}`);
      return undefined;
    }
    const what = isOperation(layer)
      ? `the function ${quote(functionOf(config))} is none of those whose sizes are known here; Keras 3 writes them down`
      : `${quote(type)} is none of the layers whose weights and sizes are known here`;
    if (this.#skips) return what;
    this.#faults.add(
      at,
      `${what}${isOperation(layer) ? '' : this.#hints.for(type, KERAS_LAYERS.keys())}${SKIP}`,
    );
    return undefined;
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

/** In the place of what has a fault already. */
interface UnknownValue extends Value {
  readonly isUnknown?: true;
}

function unknownValue(giver: string): UnknownValue {
  return { node: 0, size: null, giver, isUnknown: true };
}

/** What a model's inputs are, by the names of their layers, where it is called. */
function valuesOfInputs(model: Model, { call, values }: ModelInputs): ReadonlyMap<string, Value> {
  const given = inputsOfCall(model, call, values);
  return new Map(
    model.inputs.flatMap(({ layer }, k): [string, Value][] => {
      const value = given[k];
      return value ? [[layer, value]] : [];
    }),
  );
}
