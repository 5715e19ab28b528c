import { z } from 'zod';
import type { Op } from '../architecture.js';
import type { Output, Value } from '../layers/layer-type.js';
import type { Network } from '../layers/network.js';
import { tensorNameSchema } from '../schema.js';
import { pytorchName, unchanged, type Variable } from './variable.js';

/** 2 or 3: Keras 2, whose form TensorFlow.js has too. */
export type Generation = 2 | 3;

/** Where a layer stands. */
export interface Place {
  /** The layer as messages call it: `Conv2D "conv2d"`. */
  readonly label: string;
  readonly generation: Generation;
  /** The first input, for the many layers that have one. */
  readonly input: Value;
  readonly inputs: readonly Value[];
  readonly network: Network;
  readonly weights: LayerWeights;
  /** Adds a fault at a key of the layer's config, or at the layer itself. */
  readonly fault: (key: string | null, message: string) => void;
}

/** A layer that satisfies its type's schema, ready to be put into a network. */
export type PlaceLayer = (place: Place) => Output;

/** Some of Keras' layer classes, by their config. */
export interface KerasLayer {
  readonly classes: readonly string[];
  readonly severalInputs: boolean;
  readonly read: (config: unknown) => PlaceLayer | z.ZodError;
}

/** A layer's type from what its config must have; Keras writes much more than that, which is left as it is. */
export function kerasLayer<Arguments extends z.ZodRawShape>(
  classes: string | readonly string[],
  args: Arguments,
  place: (config: z.output<z.ZodObject<Arguments>>, place: Place) => Output,
  { severalInputs = false } = {},
): KerasLayer {
  const schema = z.object(args);
  return {
    classes: [classes].flat(),
    severalInputs,
    read: (config) => {
      const result = schema.safeParse(config);
      return result.success ? (where) => place(result.data, where) : result.error;
    },
  };
}

/** What every layer's config has. */
export const layerNameSchema = z.object({ name: tensorNameSchema });

interface WeightOptions {
  /** PyTorch's shape. */
  readonly shape: readonly number[];
  /** How Keras has it; as PyTorch does, where this is left out. */
  readonly layout?: Pick<Variable, 'view' | 'axes'>;
}

/** Gives a layer's weights their names, and puts them into the network. */
export class LayerWeights {
  readonly variables: Variable[] = [];
  readonly #network: Network;
  readonly #layer: readonly string[];

  /** @param layer its name, behind those of models that are in the names of its weights */
  constructor(network: Network, layer: readonly string[]) {
    this.#network = network;
    this.#layer = layer;
  }

  /** The node of a kernel. */
  kernel(op: Op, weight: string, options: WeightOptions, inputs: readonly number[]): number {
    const { path, name, shape } = this.#add(weight, 'parameter', options);
    return this.#network.addWeight(op, path, { name, shape }, inputs);
  }

  /** The node of a kernel, and behind it that of its bias where it has one. */
  biased(node: number, weight: string, bias: WeightOptions | null): number {
    if (!bias) return node;
    const { name, shape, path } = this.#add(weight, 'parameter', bias);
    return this.#network.addBias({ name, shape }, node, path);
  }

  /** The node of a norm; where it has neither gain nor bias there is none. */
  norm(op: 'bn' | 'ln', features: number, has: { gamma: boolean; beta: boolean }, input: number): number {
    const shape = [features];
    const gamma = has.gamma ? this.#add('gamma', 'parameter', { shape }) : null;
    const beta = has.beta ? this.#add('beta', 'parameter', { shape }) : null;
    const first = gamma ?? beta;
    if (!first) return input;
    const spec = (variable: Variable | null) => variable && { name: variable.name, shape };
    return this.#network.addNorm(op, first.path, spec(gamma), spec(beta), input);
  }

  /** A weight that no node owns. */
  other(weight: string, kind: Variable['kind'], shape: readonly number[]): void {
    const { name } = this.#add(weight, kind, { shape });
    this.#network.addTensor({ name, shape }, kind);
  }

  #add(weight: string, kind: Variable['kind'], { shape, layout }: WeightOptions): Variable {
    const variable = {
      path: [...this.#layer, weight].join('/'),
      name: pytorchName(this.#layer, weight),
      shape,
      kind,
      ...(layout ?? unchanged(shape)),
    };
    this.variables.push(variable);
    return variable;
  }
}
