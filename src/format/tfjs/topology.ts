import { inputsOfCall, readArguments } from '../../architecture/keras/arguments.js';
import type { Model, ModelLayer } from '../../architecture/keras/model.js';
import { inputSizeOf } from '../../architecture/keras/model.js';
import { isOperation } from '../../architecture/keras/operations/index.js';
import type { ReadKeras } from '../../architecture/keras/parse.js';
import type { PlacedLayer } from '../../architecture/keras/reader.js';
import { type Call, callOf, type Reference } from '../../architecture/keras/references.js';
import type { Size } from '../../architecture/layers/size.js';
import { type TfjsLayer, tfjsLayer } from './convert.js';
import { TfjsUnsupportedError } from './errors.js';
import { constantOf } from './initial.js';
import type { TfjsWeight } from './weight.js';

export interface TfjsTopology {
  /** `{class_name, config}`, in the form of Keras 2. */
  readonly model: unknown;
  readonly weights: readonly TfjsWeight[];
}

type Written = Readonly<Record<string, unknown>>;

/**
 * Converts a Keras model into the form that `tf.loadLayersModel` reads.
 *
 * @throws TfjsUnsupportedError if the model has parts that TensorFlow.js does not support
 */
export function tfjsTopology(read: ReadKeras): TfjsTopology {
  const writer = new TopologyWriter(read);
  return { model: writer.model(read.model), weights: writer.weights };
}

class TopologyWriter {
  readonly weights: TfjsWeight[] = [];
  readonly #generation: ReadKeras['generation'];
  readonly #placed: ReadonlyMap<ModelLayer, PlacedLayer>;
  readonly #leftOut: ReadKeras['leftOut'];
  readonly #names = new Set<string>();

  constructor({ generation, placed, leftOut }: ReadKeras) {
    this.#leftOut = leftOut;
    this.#generation = generation;
    this.#placed = new Map(placed.map((layer) => [layer.layer, layer]));
  }

  model(model: Model): Written {
    const { type, name, layers } = model;
    if (type === 'Sequential') {
      const input = this.#sequentialInput(model);
      const written = layers.map((layer) => this.#layer(layer));
      return { class_name: type, config: { name, layers: [...input, ...written] } };
    }
    const byName = new Map(layers.map((layer) => [layer.name, layer]));
    const reference = (given: Reference): unknown[] => {
      const isModel = Boolean(byName.get(given.layer)?.model);
      // The first call of a model creates it.
      const call = callOf(given, isModel, this.#generation) + (isModel ? 1 : 0);
      return [given.layer, call, given.output];
    };
    const written = layers.map((layer) => ({
      ...this.#layer(layer),
      name: layer.name,
      inbound_nodes: layer.calls.map((call) => taken(layer, call).map((given) => [...reference(given), {}])),
    }));
    const ends = { input_layers: model.inputs.map(reference), output_layers: model.outputs.map(reference) };
    return { class_name: type, config: { name, layers: written, ...ends } };
  }

  /** Returns the input layer of a Sequential model: TensorFlow.js needs the size of the input. */
  #sequentialInput({ name, layers, inputSize }: Model): Written[] {
    const [first] = layers;
    if (!first || first.model || first.type === 'InputLayer') return [];
    return [inputLayer(`${name}_input`, this.#placed.get(first)?.inputs[0] ?? inputSize)];
  }

  #layer(layer: ModelLayer): Written {
    if (layer.model) return this.model(layer.model);
    if (layer.type === 'InputLayer') return inputLayer(layer.name, inputSizeOf(layer.config));
    const left = this.#leftOut.get(layer);
    if (left) throw new TfjsUnsupportedError(`${left.label} was left out, so the model is not whole`);
    const placed = this.#placed.get(layer);
    if (!placed)
      throw new TfjsUnsupportedError(`${layer.type} ${JSON.stringify(layer.name)}, which is used nowhere`);
    const { type, config, hasWeights } = this.#convert(placed);
    if (hasWeights) this.#addWeights(placed, type);
    return { class_name: type, config: { name: layer.name, trainable: true, dtype: 'float32', ...config } };
  }

  #convert(placed: PlacedLayer): TfjsLayer {
    try {
      return tfjsLayer(placed, this.#generation);
    } catch (error) {
      if (!(error instanceof TfjsUnsupportedError)) throw error;
      const { type, name } = placed.layer;
      throw new TfjsUnsupportedError(
        `TensorFlow.js has no ${error.message}, as ${type} ${JSON.stringify(name)} has it`,
      );
    }
  }

  #addWeights({ layer, variables }: PlacedLayer, type: string): void {
    for (const variable of variables) {
      const weight = variable.path.slice(variable.path.lastIndexOf('/') + 1);
      // The weight's name in Keras 2.
      const own = type === 'DepthwiseConv2D' && weight === 'kernel' ? 'depthwise_kernel' : weight;
      const name = `${layer.name}/${own}`;
      if (this.#names.has(name)) {
        throw new TfjsUnsupportedError(
          `TensorFlow.js cannot tell two layers called ${JSON.stringify(layer.name)} apart`,
        );
      }
      this.#names.add(name);
      const constant = constantOf(layer.config, variable);
      this.weights.push({ name, variable, ...(constant !== undefined && { constant }) });
    }
  }
}

/** Returns the tensors that a call's layer or model takes, in the form of TensorFlow.js: a list, in order. */
function taken(layer: ModelLayer, call: Call): readonly Reference[] {
  if (layer.model?.type === 'Sequential') return call.references;
  if (layer.model) return inputsOfCall(layer.model, call, call.references).flatMap((given) => given ?? []);
  const { values, masks } = readArguments(call, call.references, { takes: null }, isOperation(layer));
  if (masks.length > 0) {
    const name = JSON.stringify(layer.name);
    throw new TfjsUnsupportedError(
      `TensorFlow.js has no masks beside tensors, as ${layer.type} ${name} takes one`,
    );
  }
  return values;
}

function inputLayer(name: string, size: Size | null): Written {
  const config = { batch_input_shape: [null, ...(size ?? [])], dtype: 'float32', sparse: false, name };
  return { class_name: 'InputLayer', config };
}
