import type { ByteSource } from '../format/layout.js';
import { tfjsShards } from '../format/tfjs/tfjs.js';
import type { PredictionRecord } from '../record/record.js';
import { NotFoundError } from './errors.js';
import type { Predictions } from './predictions.js';
import { RecentResults } from './recent-results.js';
import type { BuiltModel, NoModel } from './tfjs-model.js';

export interface ReadyTfjs {
  /** The contents of `model.json`. */
  readonly modelJson: Uint8Array;
  /** SHA-256 of `modelJson`, in hex. */
  readonly digest: string;
  readonly record: PredictionRecord;
  /** The weights, by the paths that `model.json` gives. */
  readonly shards: () => ReadonlyMap<string, ByteSource>;
  /** Call this once nothing is read from it any more. */
  readonly release: () => void;
}

/** Limit for the `model.json` of the last models in memory. Other data of a model takes a few times as much. */
const MAX_BYTES = 16 * 2 ** 20;

/** The least bytes that an entry counts for. */
const LEAST_BYTES = 4096;

/** Predictions as TensorFlow.js models: a Keras model is converted once, however often its files are requested. */
export class TfjsModels {
  readonly #predictions: Pick<Predictions, 'open' | 'kerasModel' | 'planner'>;
  readonly #models = new RecentResults<BuiltModel | NoModel>(
    MAX_BYTES,
    (built) => LEAST_BYTES + ('reason' in built ? 0 : built.modelJson.byteLength),
  );

  constructor(predictions: Pick<Predictions, 'open' | 'kerasModel' | 'planner'>) {
    this.#predictions = predictions;
  }

  /**
   * Opens the files of a model. Weights are read only when the shards are read.
   *
   * @throws NotFoundError if there is no such prediction, its architecture was not given as a Keras model, or
   * TensorFlow.js cannot run it; NotReadyError
   */
  async open(id: string, signal: AbortSignal): Promise<ReadyTfjs> {
    const { record, tensors, release } = await this.#predictions.open(id);
    try {
      const key = `${id}.${record.generation}`;
      const built = await this.#models.get(key, () => this.#build(record), signal);
      if ('reason' in built) throw new NotFoundError(built.reason);
      const { modelJson, digest, weights } = built;
      const shards = () => tfjsShards(weights, { tensors, seed: record.request.seed });
      return { record, modelJson, digest, shards, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #build(record: PredictionRecord): Promise<BuiltModel | NoModel> {
    const kerasModel = await this.#predictions.kerasModel(record.id);
    if (kerasModel === null) {
      const name = JSON.stringify(record.architecture.name);
      return { reason: `${name} was not given as a Keras model, so there is none for TensorFlow.js` };
    }
    return this.#predictions.planner.model(kerasModel, record);
  }
}
