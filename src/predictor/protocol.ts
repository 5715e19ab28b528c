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

/** The pipeline's result for a job. */
export interface PredictedNetwork {
  /** In the order of the state dict, or of the nodes where there is none. */
  readonly tensors: readonly TiledTensor[];
  /** What post-processing did; null where none was asked for. */
  readonly applied: readonly Applied[] | null;
  readonly latency: StageLatency;
}

/** What is known of all tensors together, as they are after post-processing. */
export interface PredictedStatistics {
  readonly network: NetworkStatistics;
  /** How many finite values leave the type's range. */
  readonly overflow: number;
}

/** A checkpoint file and the name under which its GHN is asked for. */
export interface CheckpointFile {
  readonly id: string;
  readonly path: string;
  /** Settings of the GHN that its file does not tell. */
  readonly options?: GhnOptions;
}

export interface PredictorOptions {
  readonly engine: EngineChoice;
  readonly checkpoints: readonly CheckpointFile[];
}

export interface EngineDescription extends Pick<Engine, 'name' | 'version' | 'device' | 'limits'> {
  /** Why it is this engine. */
  readonly reason: string;
  /** The GPU that it computes on, null where that is not known or there is none. */
  readonly card: Pick<Card, 'name' | 'memoryBytes'> | null;
}

export interface GhnDescription {
  readonly id: string;
  readonly config: GhnConfig;
  /** How many numbers the checkpoint holds. */
  readonly parameters: number;
  /** Channels, height and width of the images that it was trained on; null where its file does not say. */
  readonly images: ImageShape | null;
  /** `sha256:` and the file's digest. */
  readonly digest: string;
}

/** The same for GHNs that predict the same: of the weights, and of what is set beside them. */
export function ghnKey({ digest, config }: Pick<GhnDescription, 'digest' | 'config'>): string {
  return `${digest} ${sortedString(config)}`;
}

export interface PredictorDescription {
  readonly engine: EngineDescription;
  /** Name and version of the library that multiplies in post-processing. */
  readonly products: string;
  /** In the order of the options' checkpoints. */
  readonly ghns: readonly GhnDescription[];
}

/** What a prediction is made of; nothing else decides what is known of it. */
export interface PredictionJob {
  /** The `ghnKey` of the GHN: whatever is loaded under its name by now, no other makes this prediction. */
  readonly ghn: string;
  readonly architecture: Architecture;
  readonly predictClassifier: boolean;
  readonly seed: number;
  readonly postprocess: PostprocessOptions | null;
  /** What it will be written in: the statistics are of the values as they are then. */
  readonly dtype: Dtype;
}

/** A job as the service passes it on: a large architecture is the text that another process has made of it. */
export interface PlannedJob extends Omit<PredictionJob, 'architecture'> {
  readonly architecture: Architecture | ArchitectureText;
}

export type Stage = 'graph' | 'encode' | 'decode' | 'postprocess';

/** Milliseconds by stage. */
export type StageLatency = Readonly<Record<Stage, number>>;

export type TensorHeader = Omit<TiledTensor, 'block'>;

/** Why a job failed: by itself, since memory ran out, or since its GHN is not loaded any more. */
export type FailureCause = 'job' | 'memory' | 'ghn';

export type ToProcess =
  | { readonly type: 'load'; readonly options: PredictorOptions }
  /** Where there is no architecture in it, its JSON follows as a text. */
  | {
      readonly type: 'predict';
      readonly job: number;
      readonly request: Omit<PredictionJob, 'architecture'> & Partial<Pick<PredictionJob, 'architecture'>>;
    }
  | { readonly type: 'cancel'; readonly job: number };

export type FromProcess =
  | { readonly type: 'ready'; readonly description: PredictorDescription }
  /** The process's event loop turns. */
  | { readonly type: 'alive' }
  /** A notice for whoever runs the service. */
  | { readonly type: 'notice'; readonly message: string }
  /** It cannot start, whatever one tries: a setting or a file is wrong. */
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'stage'; readonly job: number; readonly stage: Stage }
  /** The blocks follow as arrays, in the tensors' order. */
  | {
      readonly type: 'predicted';
      readonly job: number;
      readonly network: Omit<PredictedNetwork, 'tensors'> & { readonly tensors: readonly TensorHeader[] };
      /** Bytes that the engine holds. */
      readonly memory: number;
    }
  /** Statistics of all tensors of a job together. They follow the tensors, so that nobody waits for them. */
  | { readonly type: 'statistics'; readonly job: number; readonly statistics: PredictedStatistics }
  | {
      readonly type: 'failed';
      readonly job: number;
      readonly reason: string;
      readonly cause: FailureCause;
    };
