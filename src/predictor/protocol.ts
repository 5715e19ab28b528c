import type { Architecture } from '../architecture/architecture.js';
import { sortedString } from '../architecture/json.js';
import type { ArchitectureText } from '../architecture/text.js';
import type { Card } from '../engine/card.js';
import type { Engine } from '../engine/engine.js';
import type { EngineChoice } from '../engine/select.js';
import type { ImageShape } from '../ghn/checkpoint.js';
import type { GhnConfig, GhnOptions } from '../ghn/config.js';
import type { PostprocessOptions } from '../postprocess/options.js';
import type { Applied } from '../postprocess/postprocess.js';
import type { NetworkStatistics } from '../statistics/schema.js';
import type { Dtype } from '../tensor/dtype.js';
import type { TiledTensor } from '../tensor/tensor.js';

/** The result of the pipeline for a job. */
export interface PredictedNetwork {
  /** The tensors in the order of the state dict, or of the nodes if there is no state dict. */
  readonly tensors: readonly TiledTensor[];
  /** The changes that post-processing made; null if the request did not ask for it. */
  readonly applied: readonly Applied[] | null;
  readonly latency: StageLatency;
}

/** Statistics of all tensors together, after post-processing. */
export interface PredictedStatistics {
  readonly network: NetworkStatistics;
  /** Number of finite values outside the range of the type. */
  readonly overflow: number;
}

/** A checkpoint file, and the id of its GHN in requests. */
export interface CheckpointFile {
  readonly id: string;
  readonly path: string;
  /** Settings of the GHN that are not in its file. */
  readonly options?: GhnOptions;
}

export interface PredictorOptions {
  readonly engine: EngineChoice;
  readonly checkpoints: readonly CheckpointFile[];
}

export interface EngineDescription extends Pick<Engine, 'name' | 'version' | 'device' | 'limits'> {
  /** The reason why this engine was chosen. */
  readonly reason: string;
  /** The GPU that the engine uses; null if there is none or it is not known. */
  readonly card: Pick<Card, 'name' | 'memoryBytes'> | null;
}

export interface GhnDescription {
  readonly id: string;
  readonly config: GhnConfig;
  /** Number of values in the checkpoint. */
  readonly parameters: number;
  /** Channels, height and width of the images that the GHN was trained on; null if its file does not give them. */
  readonly images: ImageShape | null;
  /** `sha256:` and the digest of the file. */
  readonly digest: string;
}

/**
 * Returns a key that is equal for GHNs that predict the same: it consists of the digest of the weights and the
 * configuration.
 */
export function ghnKey({ digest, config }: Pick<GhnDescription, 'digest' | 'config'>): string {
  return `${digest} ${sortedString(config)}`;
}

export interface PredictorDescription {
  readonly engine: EngineDescription;
  /** Name and version of the library that computes products in post-processing. */
  readonly products: string;
  /** The GHNs in the order of the options' checkpoints. */
  readonly ghns: readonly GhnDescription[];
}

/** The inputs of a prediction. Its result depends on nothing else. */
export interface PredictionJob {
  /** The `ghnKey` of the GHN. No other GHN makes this prediction, whatever is loaded under its id by then. */
  readonly ghn: string;
  readonly architecture: Architecture;
  readonly predictClassifier: boolean;
  readonly seed: number;
  readonly postprocess: PostprocessOptions | null;
  /** The element type of the file: the statistics are of the values rounded to it. */
  readonly dtype: Dtype;
}

/** A job in the form in which the service passes it on: a large architecture is JSON text from another process. */
export interface PlannedJob extends Omit<PredictionJob, 'architecture'> {
  readonly architecture: Architecture | ArchitectureText;
}

export type Stage = 'graph' | 'encode' | 'decode' | 'postprocess';

/** Duration of each stage in milliseconds. */
export type StageLatency = Readonly<Record<Stage, number>>;

export type TensorHeader = Omit<TiledTensor, 'block'>;

/** Cause of a job's failure: the job itself, lack of memory, or a GHN that is no longer loaded. */
export type FailureCause = 'job' | 'memory' | 'ghn';

export type ToProcess =
  | { readonly type: 'load'; readonly options: PredictorOptions }
  /** A job. If it has no architecture, the JSON of the architecture follows as a text. */
  | {
      readonly type: 'predict';
      readonly job: number;
      readonly request: Omit<PredictionJob, 'architecture'> & Partial<Pick<PredictionJob, 'architecture'>>;
    }
  | { readonly type: 'cancel'; readonly job: number };

export type FromProcess =
  | { readonly type: 'ready'; readonly description: PredictorDescription }
  /** A sign of life: the process's event loop is running. */
  | { readonly type: 'alive' }
  /** A message for the person who runs the service. */
  | { readonly type: 'notice'; readonly message: string }
  /** The process cannot start because a setting or a file is wrong. Another try would not help. */
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'stage'; readonly job: number; readonly stage: Stage }
  /** The finished tensors. Their blocks follow as arrays, in the same order. */
  | {
      readonly type: 'predicted';
      readonly job: number;
      readonly network: Omit<PredictedNetwork, 'tensors'> & { readonly tensors: readonly TensorHeader[] };
      /** Bytes that the engine holds. */
      readonly memory: number;
    }
  /**
   * Statistics of all tensors of a job together. They are sent after the tensors, so that no one has to wait for them.
   */
  | { readonly type: 'statistics'; readonly job: number; readonly statistics: PredictedStatistics }
  | {
      readonly type: 'failed';
      readonly job: number;
      readonly reason: string;
      readonly cause: FailureCause;
    };
