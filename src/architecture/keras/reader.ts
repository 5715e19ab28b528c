import { z } from 'zod';
import { SKIP } from '../architecture.js';
import type { FaultList } from '../faults.js';
import { quote } from '../faults.js';
import type { Network } from '../layers/network.js';
import type { Size } from '../layers/size.js';
import { Hints } from '../nearest.js';
import { addZodFaults } from '../zod-faults.js';
import { readArguments } from './arguments.js';
import { callsOf, NOTHING, pathOf } from './calls.js';
import { classOf } from './classes.js';
import { type Generation, type KerasValue, LayerWeights } from './layer.js';
import { inputSizeOf, type Model, type ModelLayer } from './model.js';
import { isOperation } from './operations/index.js';
import { WeightOwners } from './owners.js';
import type { Call, Reference } from './references.js';
import { sizeBehind } from './skipped.js';
import { type ModelInputs, stateBehind, unknownValue, valuesOfInputs, withWritten } from './values.js';
import type { Variable } from './variable.js';

/** A layer in the network. Layers of models within the model are included. */
export interface PlacedLayer {
  readonly layer: ModelLayer;
  /** The layer's first call. */
  readonly call: Call;
  /** The sizes of its inputs. `size` is that of its first output. */
  readonly inputs: readonly (Size | null)[];
  readonly size: Size | null;
  readonly variables: readonly Variable[];
}

const LOST_BY_KERAS2 =
  ' that its JSON has: Keras 2 omits tensors after an argument that is not one; use another function, or Keras 3';

/** The names of the models around a layer. */
interface Around {
  /** Names of the models with which the paths of its weights begin. */
  readonly prefix: readonly string[];
  /** Names of all models around the layer, the outermost first. */
  readonly models: readonly string[];
}

/** Options for reading a model. */
export interface KerasReaderOptions {
  readonly generation: Generation;
  /** Maximum number of uses of layers. If a model within a model is used twice, each of its layers is used twice. */
  readonly maxLayers: number;
  /** True if layers that cannot be predicted are omitted rather than refused. */
  readonly skips: boolean;
}

/**
 * Maximum number of steps for each layer that a network may have. A step is a call, an input of a call, or a layer or
 * model around it; a model that contains only an Add takes nine. A model counts each time it is called, even if it
 * contains only an input.
 */
const STEPS_TO_A_LAYER = 16;

/** A layer that is omitted, as the request allows. */
export interface LeftOut {
  readonly label: string;
  readonly reason: string;
}

/** Adds the layers of a model, and of the models in it, to a network, and collects their faults. */
export class KerasReader {
  /** Every layer once, at its first use. */
  readonly placed: PlacedLayer[] = [];
  /** Omitted layers, with the reason. */
  readonly leftOut = new Map<ModelLayer, LeftOut>();
  /** Layers with weights that are used more than once. */
  readonly shared = new Set<string>();
  readonly #network: Network;
  readonly #generation: Generation;
  readonly #skips: boolean;
  readonly #faults: FaultList;
  readonly #owners = new WeightOwners();
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

  /** Returns the outputs of the whole model. All its inputs are the network's one input node. */
  read(model: Model): readonly KerasValue[] {
    return this.#readModel(model, null, { prefix: [], models: [model.name] });
  }

  /** @param inputs null for the network's input, whose size is in the model */
  #readModel(model: Model, inputs: ModelInputs | null, { models }: Around): readonly KerasValue[] {
    this.#pay(model);
    // The paths of weights in a Functional model do not include its name. In Keras 3, those in a Sequential do.
    if (model.type === 'Functional') return this.#readFunctional(model, inputs, { prefix: [], models });
    const around = { prefix: this.#generation === 3 ? [model.name] : [], models };
    let value = inputs?.values[0] ?? null;
    for (const [index, layer] of model.layers.entries()) {
      if (layer.type === 'InputLayer') {
        value ??= this.#networkInput(layer, inputSizeOf(layer.config));
        continue;
      }
      // If the first layer is a model, it has its own input.
      if (!layer.model) value ??= this.#networkInput(layer, model.inputSize);
      const given = value && { call: NOTHING, values: [value] };
      [value] = this.#readLayer(layer, given, around) as [KerasValue];
      const written = model.layers[index + 1]?.builtFor ?? null;
      value = withWritten(value, written, this.#isKnown(layer));
    }
    return [value ?? unknownValue(model.name)];
  }

  /**
   * Counts the cost of reading a model before it is read. Models within models multiply the cost, and a 3 kB request
   * can make it huge.
   */
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
      'models within models add up to more uses of layers and of their outputs than ' +
        `the ${max} that this server takes (MAX_NODES); call them less often`,
    );
    this.#faults.throwIfAny();
  }

  #readFunctional(model: Model, inputs: ModelInputs | null, around: Around): readonly KerasValue[] {
    const given = inputs && valuesOfInputs(model, inputs);
    const { all, sources, order, find } = callsOf(model, {
      generation: this.#generation,
      hints: this.#hints,
      faults: this.#faults,
    });
    const values: (readonly KerasValue[])[] = [];
    const outputOf = (reference: Reference, source: number | null): KerasValue =>
      source === null
        ? unknownValue(quote(reference.layer))
        : this.#outputOf(reference, all[source]!.layer, values[source]);
    for (const at of order) {
      const { layer, call, index } = all[at]!;
      if (layer.type === 'InputLayer') {
        values[at] = [given?.get(layer.name) ?? this.#networkInput(layer, inputSizeOf(layer.config))];
        continue;
      }
      const from = call.references.map((reference, k) => outputOf(reference, sources[at]![k]!));
      if (from.length === 0) {
        this.#faults.add(
          [...layer.path, 'inbound_nodes', index],
          `${quote(layer.name)} is called with no layer’s output${isOperation(layer) ? LOST_BY_KERAS2 : ''}`,
        );
      }
      const used =
        from.length > 0 ? { call, values: from } : { call: NOTHING, values: [unknownValue('nothing')] };
      values[at] = this.#readLayer(layer, used, around);
    }
    return model.outputs.map((reference) => outputOf(reference, find(reference)));
  }

  /** One of a layer's outputs. If its size cannot be computed from the layer, it is the one that Keras 3 wrote. */
  #outputOf(reference: Reference, layer: ModelLayer, values: readonly KerasValue[] | undefined): KerasValue {
    const value = values?.[reference.output];
    const isKnown = this.#isKnown(layer);
    if (value) return withWritten(value, reference.size, isKnown);
    const [first] = values ?? [];
    // All outputs of an operation come from the same node as its first output.
    if (first && !isKnown) return withWritten({ ...first, size: null }, reference.size, isKnown);
    if (first && !first.isUnknown) {
      const outputs = values!.length === 1 ? 'one output' : `${values!.length} outputs`;
      this.#faults.add(
        reference.path,
        `${quote(reference.layer)} has ${outputs} here, so there is none of number ${reference.output}`,
      );
    }
    return unknownValue(quote(reference.layer));
  }

  /** True if the layer's size is computed here: it is not an operation, and not omitted. */
  #isKnown(layer: ModelLayer): boolean {
    return !isOperation(layer) && !this.leftOut.has(layer);
  }

  #networkInput(layer: ModelLayer, size: Size | null): KerasValue {
    const giver = `the input ${quote(layer.name)}`;
    if (size !== null) return { node: 0, size, giver };
    const remedy = 'build the model with its input shape, or begin it with an Input';
    this.#faults.add([...layer.path, 'config'], `the model does not give its input shape: ${remedy}`);
    return unknownValue(giver);
  }

  #readLayer(layer: ModelLayer, inputs: ModelInputs | null, around: Around): readonly KerasValue[] {
    if (layer.model) {
      const within = { prefix: [], models: [...around.models, layer.model.name] };
      const outputs = this.#readModel(layer.model, inputs, within);
      return outputs.length > 0 ? outputs : [unknownValue(quote(layer.name))];
    }
    const label = `${layer.type} ${quote(layer.name)}`;
    const found = classOf(layer, this.#hints);
    if ('against' in found && this.#skips) return [this.#leaveOut(layer, label, found.against, inputs)];
    if ('against' in found) this.#faults.add([...layer.path, 'class_name'], `${found.message}${SKIP}`);
    const type = 'against' in found ? null : found.type;
    const place = type?.read(layer.config);
    if (place instanceof z.ZodError)
      addZodFaults(this.#faults, place, layer.config, [...layer.path, 'config']);
    if (!type || !place || place instanceof z.ZodError || inputs === null) return [unknownValue(label)];
    const { values, named, constants } = readArguments(inputs.call, inputs.values, type, isOperation(layer));
    if (values.length > 1 && !type.severalInputs) {
      this.#faults.add([...layer.path, 'inbound_nodes'], `${label} takes one input, not ${values.length}`);
    }
    let hasFault = false;
    const fault = (key: string | null, message: string) => {
      hasFault = true;
      this.#faults.add(key === null ? layer.path : [...layer.path, 'config', key], message);
    };
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
      this.#owners.add(weights.variables, label, layer, this.#faults);
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
    const state = stateBehind(inputs, layer);
    if (hasFault) state.isUnknown = true;
    return [output, ...others].map((given) => ({ ...given, ...state, giver: label }));
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
        `layers are used more often than the ${this.#maxLayers} times that this server takes (MAX_NODES)`,
      );
      this.#faults.throwIfAny();
    }
    // One attention layer adds nine nodes. Some nodes are removed at the end, so only then is the exact limit checked.
    if (this.#network.nodeCount > this.#maxLayers) {
      const message = `the layers up to this one have more than ${this.#maxLayers} nodes: the network is too large`;
      this.#faults.add(path, message);
      this.#faults.throwIfAny();
    }
  }

  /** Omits a layer by connecting the layers after it to those before it. */
  #leaveOut(layer: ModelLayer, label: string, reason: string, inputs: ModelInputs | null): KerasValue {
    this.leftOut.set(layer, { label, reason });
    this.#count(layer);
    const given = inputs ? inputs.values : [];
    const node = this.#network.junction(given.map((value) => value.node)) ?? 0;
    const giver = `${label}, which is left out,`;
    const size = sizeBehind(layer.type, layer.config, given[0]?.size ?? null);
    return { node, size, ...(inputs && stateBehind(inputs, layer)), giver };
  }
}
