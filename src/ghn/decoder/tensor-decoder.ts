import type { Architecture } from '../../architecture/architecture.js';
import type { TiledTensor } from '../../tensor/tensor.js';

export interface DecodeOptions {
  readonly predictClassifier: boolean;
  /** Seed of rows that are drawn at random rather than predicted: class and distillation tokens. */
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** Turns the nodes' states into the network's tensors. Each family of GHNs has one. */
export interface TensorDecoder {
  /**
   * @param states [nodes, d], row-major
   * @returns the predicted tensors in the order of the state dict, or of the nodes if there is none
   */
  decode(architecture: Architecture, states: Float32Array, options: DecodeOptions): Promise<TiledTensor[]>;
}
