import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { LAYER_KINDS } from './layers/index.js';
import { type LayerKind, tensorOf, type Value } from './layers/layer.js';
import type { Weights } from './safetensors.js';

const KINDS: ReadonlyMap<string, LayerKind> = new Map(LAYER_KINDS.map((kind) => [kind.type, kind]));

const [first, ...others] = LAYER_KINDS;
const layerSchema = z.discriminatedUnion('type', [first.schema, ...others.map(({ schema }) => schema)]);

const networkSchema = z.strictObject({
  name: z.string(),
  input: z.tuple([z.int(), z.int(), z.int()]),
  layers: z.array(layerSchema).min(1),
});

/** Name of the network's own input in `inputs`. */
const INPUT = 'input';

/** A network of layers that can be run: the service's `layers` form, as far as the demo knows its types. */
export class Network {
  readonly name: string;
  readonly #layers: readonly {
    readonly name: string;
    readonly inputs: readonly string[];
    readonly layer: unknown;
  }[];

  /** @throws where it has a layer, an argument or an input that the demo does not know */
  constructor(architecture: unknown) {
    const { data, error } = networkSchema.safeParse(architecture);
    if (error) throw new Error(`the demo cannot run this network:\n${z.prettifyError(error)}`);
    this.name = data.name;
    const known = new Set([INPUT]);
    let last = INPUT;
    this.#layers = data.layers.map((layer) => {
      const { name, inputs = [last] } = layer as { name: string; inputs?: string[] };
      const unknown = inputs.find((input) => !known.has(input));
      if (unknown !== undefined) throw new Error(`${name} takes ${unknown}, which is not a layer before it`);
      known.add(name);
      last = name;
      return { name, inputs, layer };
    });
  }

  get layers(): number {
    return this.#layers.length;
  }

  /**
   * Images to logits.
   *
   * @param images [batch, height, width, channels]
   * @returns [batch, classes]
   */
  run(images: tf.Tensor4D, weights: Weights): tf.Tensor2D {
    return tf.tidy(() => {
      const values = new Map<string, Value>([[INPUT, images]]);
      let last: Value = images;
      for (const { name, inputs, layer } of this.#layers) {
        const kind = KINDS.get((layer as { type: string }).type)!;
        last = kind.run(layer, {
          inputs: inputs.map((input) => values.get(input)!),
          tensor: tensorOf(weights, name),
        });
        values.set(name, last);
      }
      return last as tf.Tensor2D;
    });
  }
}
