import { createHash } from 'node:crypto';
import { readKeras } from '../architecture/keras/parse.js';
import type { ByteSource } from '../format/layout.js';
import { TfjsUnsupportedError } from '../format/tfjs/errors.js';
import { tfjsModel, tfjsShards } from '../format/tfjs/tfjs.js';
import type { TfjsWeight } from '../format/tfjs/topology.js';
import type { PredictionRecord } from '../record/record.js';
import { NotFoundError } from './errors.js';
import type { Predictions } from './predictions.js';
import { RecentResults } from './recent-results.js';
import { UNLIMITED } from './resolve.js';

export interface ReadyTfjs {
  /** What `model.json` holds. */
  readonly modelJson: Uint8Array;
  /** SHA-256 of it, in hex. */
  readonly digest: string;
  readonly record: PredictionRecord;
  /** The weights, by the paths that `model.json` gives. */
  readonly shards: () => ReadonlyMap<string, ByteSource>;
  /** To be called once nothing is read from it any more. */
  readonly release: () => void;
}

interface BuiltModel {
  readonly modelJson: Uint8Array;
  readonly digest: string;
  readonly weights: readonly TfjsWeight[];
}

/** Why there is none: to find that out costs as much. */
interface NoModel {
  readonly reason: string;
}

/** Limit for the last models' `model.json` in memory; the data beside them is a few times as large. */
const MAX_BYTES = 16 * 2 ** 20;

/** The least that a model takes up. */
const LEAST_BYTES = 4096;

/** Predictions as TensorFlow.js models: a Keras model is read and written anew once, however often its files are asked for. */
export class TfjsModels {
  readonly #predictions: Pick<Predictions, 'open' | 'kerasModel'>;
  readonly #models = new RecentResults<BuiltModel | NoModel>(
    MAX_BYTES,
    (built) => LEAST_BYTES + ('reason' in built ? 0 : built.modelJson.byteLength),
  );

  constructor(predictions: Pick<Predictions, 'open' | 'kerasModel'>) {
    this.#predictions = predictions;
  }

  /**
   * The files of which nothing is read yet.
   *
   * @throws NotFoundError where there is no such prediction, its architecture was not given as Keras or TensorFlow.js
   * cannot run it; NotReadyError
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

  async #build({ id, request, ghn, architecture }: PredictionRecord): Promise<BuiltModel | NoModel> {
    const kerasModel = await this.#predictions.kerasModel(id);
    if (kerasModel === null) {
      const name = JSON.stringify(architecture.name);
      return { reason: `${name} was not given as a Keras model, so there is none for TensorFlow.js` };
    }
    try {
      const { model, weights } = tfjsModel(readKeras({ keras: kerasModel }, UNLIMITED, request.unsupported), {
        generatedBy: 'ghn-serve',
        metadata: {
          prediction: id,
          ...(request.ghn !== null && { ghn: request.ghn }),
          ghn_digest: ghn.digest,
        },
      });
      const modelJson = Buffer.from(JSON.stringify(model));
      return { modelJson, weights, digest: createHash('sha256').update(modelJson).digest('hex') };
    } catch (error) {
      if (error instanceof TfjsUnsupportedError) return { reason: error.message };
      throw error;
    }
  }
}
