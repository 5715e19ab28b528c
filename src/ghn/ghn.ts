import type { Architecture } from '../architecture/architecture.js';
import { distances as shortestDistances } from '../architecture/distances.js';
import type { Engine, Matrix } from '../engine/engine.js';
import type { TiledTensor } from '../tensor/tensor.js';
import type { DecodeOptions, TensorDecoder } from './decoder/tensor-decoder.js';
import type { Encoder } from './encoder.js';
import { type NodeEmbeddings, nodeInput } from './node-input.js';
import { ShapeTables } from './shape-tables.js';
import type { Norm } from './transformer-encoder.js';

/** The parts of a GHN. The engine holds its large weights. */
export interface GhnParts<M extends Matrix> {
  readonly embeddings: NodeEmbeddings;
  readonly encoder: Encoder<M>;
  readonly finalNorm: Norm<M> | null;
  readonly decoder: TensorDecoder;
}

export interface GhnSizes {
  readonly hidden: number;
  readonly spatial: number;
  readonly numClasses: number;
  /** Paths longer than this count as no path. */
  readonly maxHops: number;
  readonly vocabularies: readonly number[];
}

/** Called when a stage begins. */
export type OnStage = (stage: 'graph' | 'encode' | 'decode') => void;

/**
 * A Graph HyperNetwork, ready to predict: GHN-2 (Knyazev et al., 2021), GHN-3 (2023) or LoGAH (2024), as specified in
 * docs/ghn.md and docs/logah.md.
 */
export class Ghn<M extends Matrix = Matrix> {
  readonly #engine: Engine<M>;
  readonly #parts: GhnParts<M>;
  readonly #hidden: number;
  readonly #shapeTables: ShapeTables;
  readonly #maxHops: number;

  constructor(engine: Engine<M>, parts: GhnParts<M>, sizes: GhnSizes) {
    this.#engine = engine;
    this.#parts = parts;
    this.#hidden = sizes.hidden;
    this.#maxHops = sizes.maxHops;
    this.#shapeTables = new ShapeTables(sizes.numClasses, sizes.spatial, sizes.vocabularies);
  }

  /**
   * Predicts a network's tensors, in the order of its state dict, or of its nodes if it has none.
   *
   * @throws the signal's reason once it is aborted
   */
  async predict(
    architecture: Architecture,
    options: DecodeOptions,
    onStage: OnStage = () => {},
  ): Promise<TiledTensor[]> {
    return this.#engine.scope(async () => {
      onStage('graph');
      const distances = shortestDistances(architecture, this.#maxHops);
      const input = nodeInput(architecture, distances, this.#parts.embeddings, this.#shapeTables);
      onStage('encode');
      const states = await this.encode(input, distances, options.signal);
      onStage('decode');
      return this.#parts.decoder.decode(architecture, states, options);
    });
  }

  /**
   * Computes the nodes' states, [nodes, d], from the node input, [nodes, d].
   *
   * @param distances [nodes, nodes], row-major
   */
  async encode(input: Float32Array, distances: Uint8Array, signal?: AbortSignal): Promise<Float32Array> {
    const { encoder, finalNorm } = this.#parts;
    const nodes = input.length / this.#hidden;
    let states = await encoder(input, distances, nodes, signal);
    if (finalNorm) states = await this.#engine.layerNorm(states, finalNorm.gain, finalNorm.bias);
    return this.#engine.read(states);
  }
}
