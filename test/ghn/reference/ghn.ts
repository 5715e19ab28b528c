import type { Architecture } from '../../../src/architecture/architecture.js';
import type { GhnConfig } from '../../../src/ghn/config.js';
import { ReferenceDecoder, type ReferenceTensor } from './decoder.js';
import { hops, ReferenceEncoder } from './encoder.js';
import { ReferenceWeights } from './weights.js';

/**
 * Implements the spec in float64 with plain loops. It shares only the reader of checkpoints with the service. It
 * computes only the values that it returns, since a test would take minutes otherwise.
 */
export class ReferenceGhn {
  readonly config: GhnConfig;
  readonly #encoder: ReferenceEncoder;
  readonly #decoder: ReferenceDecoder;

  static async load(path: string): Promise<ReferenceGhn> {
    return new ReferenceGhn(await ReferenceWeights.load(path));
  }

  private constructor(weights: ReferenceWeights) {
    this.config = weights.config;
    this.#encoder = new ReferenceEncoder(weights);
    this.#decoder = new ReferenceDecoder(weights);
  }

  /** Returns the tensors by name. */
  predict(architecture: Architecture): Map<string, ReferenceTensor> {
    const distances = hops(architecture);
    const states = this.#encoder.encode(this.#encoder.nodeInput(architecture, distances), distances);
    const tensors = new Map<string, ReferenceTensor>();
    for (const [index, { weight, bias, classifier }] of architecture.nodes.entries()) {
      const x = states[index];
      if (weight) tensors.set(weight.name, this.#decoder.decode(x, weight.shape, 'weight', classifier));
      if (bias) tensors.set(bias.name, this.#decoder.decode(x, bias.shape, 'bias', classifier));
    }
    return tensors;
  }
}
