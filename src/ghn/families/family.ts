import type { PredictedTensor } from '../../architecture/tensors.js';
import type { Matrix } from '../../engine/engine.js';
import type { GhnConfig } from '../config.js';
import type { TensorDecoder } from '../decoder/tensor-decoder.js';
import type { Encoder } from '../encoder.js';
import type { Facts } from '../facts.js';
import type { LayoutBuilder } from '../layout-builder.js';
import type { Loader } from '../loader.js';

/** The part of the config that is inferred from the family's own tensors. The rest is common to all families. */
export type FamilyConfig = Pick<
  GhnConfig,
  'layers' | 'heads' | 'channels' | 'spatial' | 'numClasses' | 'ops' | 'maxHops' | 'vocabularies' | 'details'
>;

/** The amount of work for decoding a tensor, for estimating the cost of a prediction. */
export interface DecodedSize {
  readonly outputs: number;
  readonly inputs: number;
  /** Entries for each output and input. */
  readonly rest: number;
  /** Rows that pass through the decoder's perceptron. */
  readonly places: number;
  /** Products of the decoder's last layer, in units of 8·d multiplications. */
  readonly products: number;
}

/**
 * A family of GHNs: how its checkpoints are recognised and laid out, how it encodes and decodes, and what that costs.
 * `index.ts` lists the families. Code outside this folder does not depend on the family of a GHN.
 */
export interface Family {
  /** The family's name in `GET /ghns`. */
  readonly name: string;
  /** The family's name in messages. */
  readonly title: string;
  /**
   * The allowed values of settings that the family's files do not contain, by the setting's name. The first value is
   * the default.
   */
  readonly options: Readonly<Record<string, readonly string[]>>;
  /** Returns true if a checkpoint with these tensors is of the family. */
  recognises(tensors: ReadonlyMap<string, unknown>): boolean;
  /** Returns true if no prediction uses a tensor that is in the family's files. */
  isUnused(name: string, shape: readonly number[]): boolean;
  /** Infers the config of a GHN from its checkpoint, and adds contradictions to the faults. Unknown sizes are NaN. */
  infer(facts: Facts, hidden: number): FamilyConfig;
  /** Adds the tensors of the encoder and the decoder. */
  layOut(layout: LayoutBuilder, config: GhnConfig): void;
  /** True if the encoder uses nodes' degrees and distances from the input. */
  readonly hasCentrality: boolean;
  loadEncoder<M extends Matrix>(loader: Loader<M>, config: GhnConfig): Promise<Encoder<M>>;
  loadDecoder<M extends Matrix>(loader: Loader<M>, config: GhnConfig): TensorDecoder;
  /**
   * True if it predicts a classifier's rows only for the number of classes that it was trained on, and repeats them for
   * more.
   */
  readonly repeatsClasses: boolean;
  /** The reason why a tensor cannot be decoded; null if it can be. */
  refusal(tensor: Pick<PredictedTensor, 'shape' | 'role'>, config: GhnConfig): string | null;
  /** Multiplications of the encoder. */
  encoderWork(nodes: number, config: GhnConfig): number;
  decodedSize(tensor: Pick<PredictedTensor, 'shape' | 'role' | 'classifier'>, config: GhnConfig): DecodedSize;
}
