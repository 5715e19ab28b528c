import { createHash } from 'node:crypto';
import { readKeras } from '../architecture/keras/parse.js';
import { TfjsUnsupportedError } from '../format/tfjs/errors.js';
import { type TfjsFiles, tfjsFiles } from '../format/tfjs/tfjs.js';
import { VERSION } from '../version.js';
import { NotFoundError } from './errors.js';
import type { Predictions } from './predictions.js';
import type { ReadyPrediction } from './ready-prediction.js';
import { UNLIMITED } from './resolve.js';

/** Of a prediction's `model.json`, which the service's versions write differently: few, so few digits tell them apart. */
const DIGEST_DIGITS = 16;

export interface ReadyTfjs extends Pick<TfjsFiles, 'shards'> {
  /** What `model.json` holds. */
  readonly modelJson: Uint8Array;
  /** Of one of the files, strong: the shards are what `model.json` says of them. */
  readonly etag: (file: string) => string;
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
    const digest = createHash('sha256').update(modelJson).digest('hex').slice(0, DIGEST_DIGITS);
    const etag = (file: string) => `"${id}.${digest}.${Buffer.from(file).toString('base64url')}"`;
    return { modelJson, shards, etag, release: ready.release };
  } catch (error) {
    ready.release();
    throw error instanceof TfjsUnsupportedError ? new NotFoundError(error.message) : error;
  }
}

function files({ record, tensors }: ReadyPrediction, model: unknown): TfjsFiles {
  const { id, request, ghn } = record;
  return tfjsFiles(readKeras({ keras: model }, UNLIMITED), {
    tensors,
    seed: request.seed,
    generatedBy: `ghn-serve ${VERSION}`,
    metadata: { prediction: id, ghn: ghn.id, ghn_digest: ghn.digest },
  });
}
