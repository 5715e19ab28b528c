import { readKeras } from '../architecture/keras/parse.js';
import { TfjsUnsupportedError } from '../format/tfjs/errors.js';
import { type TfjsFiles, tfjsFiles } from '../format/tfjs/tfjs.js';
import { NotFoundError } from './errors.js';
import type { Predictions } from './predictions.js';
import type { ReadyPrediction } from './ready-prediction.js';
import type { PredictionRecord } from './record.js';
import { UNLIMITED } from './resolve.js';

export interface ReadyTfjs extends Pick<TfjsFiles, 'shards'> {
  /** What `model.json` holds. */
  readonly modelJson: Uint8Array;
  readonly record: PredictionRecord;
  /** To be called once nothing is read from it any more. */
  readonly release: () => void;
}

/**
 * A prediction as the files of a TensorFlow.js model, of which nothing is read yet.
 *
 * @throws NotFoundError where there is no such prediction, its architecture was not given as Keras or TensorFlow.js
 * cannot run it; NotReadyError
 */
export async function openTfjs(predictions: Predictions, id: string): Promise<ReadyTfjs> {
  const ready = await predictions.open(id);
  try {
    const kerasModel = await predictions.kerasModel(id);
    if (kerasModel === null) {
      const name = JSON.stringify(ready.record.architecture.name);
      throw new NotFoundError(`${name} was not given as a Keras model, so there is none for TensorFlow.js`);
    }
    const { model, shards } = files(ready, kerasModel);
    const modelJson = Buffer.from(JSON.stringify(model));
    return { record: ready.record, modelJson, shards, release: ready.release };
  } catch (error) {
    ready.release();
    throw error instanceof TfjsUnsupportedError ? new NotFoundError(error.message) : error;
  }
}

function files({ record, tensors }: ReadyPrediction, model: unknown): TfjsFiles {
  const { id, request, ghn } = record;
  return tfjsFiles(readKeras({ keras: model }, UNLIMITED, request.unsupported), {
    tensors,
    seed: request.seed,
    generatedBy: 'ghn-serve',
    metadata: { prediction: id, ...(request.ghn !== null && { ghn: request.ghn }), ghn_digest: ghn.digest },
  });
}
