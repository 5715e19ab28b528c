import { z } from 'zod';
import type { Op } from '../architecture.js';
import type { Output, Value } from '../layers/layer-type.js';
import type { Network } from '../layers/network.js';
import { tensorNameSchema } from '../schema.js';
import { pytorchName, unchanged, type Variable } from './variable.js';

/** The major version of Keras that wrote the model. TensorFlow.js uses the form of Keras 2. */
export type Generation = 2 | 3;

/** The output of a layer, and what messages say about its size if it is not known. */
export interface KerasValue extends Value {
  /** The reason is already reported as a fault. */
  readonly isUnknown?: true;
  /** The sizes that the model's JSON gives with each use contradict the sizes computed from the layers. */
  readonly isStale?: true;
}

/** A layer's surroundings in the network, for placing it there. */
export interface Place {
  /** The layer as messages call it: `Conv2D "conv2d"`. */
  readonly label: string;
  readonly generation: Generation;
  /** The first input, for the many layers that have one. */
  readonly input: KerasValue;
  readonly inputs: readonly KerasValue[];
  /** The inputs by the names of the layer's tensor arguments, if its class has more than one. */
  readonly named: ReadonlyMap<string, KerasValue>;
  /** The call's arguments that are not tensors, in their order. */
  readonly constants: readonly Constant[];
  readonly network: Network;
  readonly weights: LayerWeights;
  /** Adds a fault at a key of the layer's config, or at the layer itself. */
  readonly fault: (key: string | null, message: string) => void;
}

export interface Constant {
  readonly name: string | null;
  readonly value: unknown;
}

/** The outputs of a layer: the first, and the others if it has several. */
export interface LayerOutput extends Output {
  readonly others?: readonly Output[];
}

/** A layer that satisfies its type's schema, ready to be put into a network. */
export type PlaceLayer = (place: Place) => LayerOutput;

/** One or more of Keras' layer classes, with a reader for their configs. */
export interface KerasLayer {
  readonly classes: readonly string[];
  readonly severalInputs: boolean;
  /** The names of its tensor arguments, in Keras' order; null if there is only one. */
  readonly takes: readonly string[] | null;
  /** Returns the reason why a GHN cannot predict a layer of this class with this config; null if it can. */
  readonly refuses: (config: unknown) => string | null;
  readonly read: (config: unknown) => PlaceLayer | z.ZodError;
}

interface KerasLayerOptions<Config> {
  readonly severalInputs?: boolean;
  readonly takes?: readonly string[];
  readonly refuses?: (config: Config) => string | null;
}

/** Makes a layer type from the part of the config that matters here. Keras writes many more keys, which are ignored. */
export function kerasLayer<Arguments extends z.ZodRawShape>(
  classes: string | readonly string[],
  args: Arguments,
  place: (config: z.output<z.ZodObject<Arguments>>, place: Place) => LayerOutput,
  {
    severalInputs = false,
    takes,
    refuses = () => null,
  }: KerasLayerOptions<z.output<z.ZodObject<Arguments>>> = {},
): KerasLayer {
  const schema = z.object(args);
  return {
    classes: [classes].flat(),
    severalInputs,
    takes: takes ?? null,
    refuses: (config) => {
      const result = schema.safeParse(config);
      return result.success ? refuses(result.data) : null;
    },
    read: (config) => {
      const result = schema.safeParse(config);
      return result.success ? (where) => place(result.data, where) : result.error;
    },
  };
}

/** The keys that every layer's config has. */
export const layerNameSchema = z.object({ name: tensorNameSchema });

interface WeightOptions {
  /** The shape in PyTorch. */
  readonly shape: readonly number[];
  /** The layout in Keras, if it differs from PyTorch. */
  readonly layout?: Pick<Variable, 'view' | 'axes'>;
}

/** A weight with its variable and the node that owns it. */
interface Placed {
  readonly variable: Variable;
  readonly node: number | null;
}

/** The possible names of a layer's weights. */
export interface WeightNames {
  /** The layer's name, after the names of the models that Keras puts into the paths of its weights. */
  readonly layer: readonly string[];
  /**
   * The names of all models around the layer, and its own. They distinguish layers that have the same name in Keras.
   */
  readonly whole: readonly string[];
  readonly isTaken: (name: string) => boolean;
}

/**
 * Names a layer's weights and adds them to the network. If a layer is used again, its nodes stay at the first use and
 * get more inputs. If these would close a cycle, the later use adds nothing.
 */
export class LayerWeights {
  readonly #network: Network;
  readonly #names: WeightNames;
  readonly #placed = new Map<string, Placed>();
  #isTold = false;
  /** The fault of a repeated use whose input differs from the first one's; null if there is none. */
  mismatch: string | null = null;

  constructor(network: Network, names: WeightNames) {
    this.#network = network;
    this.#names = names;
  }

  /** The variables, in Keras' order. */
  get variables(): Variable[] {
    return [...this.#placed.values()].map(({ variable }) => variable);
  }

  /** The node of a kernel. */
  kernel(op: Op, weight: string, options: WeightOptions, inputs: readonly number[]): number {
    return this.#once(weight, options, inputs, ({ path, name, shape }) =>
      this.#network.addWeight(op, path, { name, shape }, inputs),
    );
  }

  /** Adds a bias, if there is one, after the kernel's node. Returns the last node. */
  biased(node: number, weight: string, bias: WeightOptions | null): number {
    if (!bias) return node;
    return this.#once(weight, bias, [node], ({ name, shape, path }) =>
      this.#network.addBias({ name, shape }, node, path),
    );
  }

  /** The node of a norm, or the input's node if the norm has neither gain nor bias. */
  norm(op: 'bn' | 'ln', features: number, has: { gamma: boolean; beta: boolean }, input: number): number {
    const shape = [features];
    const [first, second] = [...(has.gamma ? ['gamma'] : []), ...(has.beta ? ['beta'] : [])];
    if (first === undefined) return input;
    return this.#once(first, { shape }, [input], (variable) => {
      const other = second === undefined ? null : this.#add(second, 'parameter', { shape });
      const spec = (given: Variable | null) => given && { name: given.name, shape };
      const [gamma, beta] = has.gamma ? [variable, other] : [null, variable];
      return this.#network.addNorm(op, variable.path, spec(gamma), spec(beta), input);
    });
  }

  /** Adds a weight that no node owns. */
  other(weight: string, kind: Variable['kind'], shape: readonly number[]): void {
    if (this.#placed.has(weight)) return;
    const { name } = this.#add(weight, kind, { shape });
    this.#network.addTensor({ name, shape }, kind);
  }

  #once(
    weight: string,
    options: WeightOptions,
    inputs: readonly number[],
    make: (variable: Variable) => number,
  ): number {
    const known = this.#placed.get(weight);
    const [input = 0] = inputs;
    if (known) {
      const [first, here] = [known.variable.shape, options.shape].map((shape) => `[${shape.join(', ')}]`);
      if (first !== here)
        this.mismatch = `its ${weight} would be ${here} here, but is ${first} at the first use`;
      return known.node !== null && this.#network.extend(known.node, inputs) ? known.node : input;
    }
    const variable = this.#add(weight, 'parameter', options);
    const node = make(variable);
    this.#placed.set(weight, { variable, node });
    return node;
  }

  #add(weight: string, kind: Variable['kind'], { shape, layout }: WeightOptions): Variable {
    const { layer, whole, isTaken } = this.#names;
    const path = [...layer, weight].join('/');
    this.#isTold ||= isTaken(path) || isTaken(pytorchName(layer, weight));
    const names = this.#isTold ? whole : layer;
    const variable = {
      path: [...names, weight].join('/'),
      name: pytorchName(names, weight),
      shape,
      kind,
      ...(layout ?? unchanged(shape)),
    };
    this.#placed.set(weight, { variable, node: null });
    return variable;
  }
}
