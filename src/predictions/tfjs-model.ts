import { createHash } from 'node:crypto';
import { readKeras } from '../architecture/keras/parse.js';
import { TfjsUnsupportedError } from '../format/tfjs/errors.js';
import { tfjsModel } from '../format/tfjs/tfjs.js';
import type { TfjsWeight } from '../format/tfjs/weight.js';
import { parsed } from '../json-text.js';
import type { PredictionRecord } from '../record/record.js';
import { UNLIMITED } from './resolve.js';

/** A prediction as a TensorFlow.js model. */
export interface BuiltModel {
  readonly modelJson: Uint8Array;
  /** SHA-256 of `modelJson`, in hex. */
  readonly digest: string;
  readonly weights: readonly TfjsWeight[];
}

/**
 * The reason why a prediction has no TensorFlow.js model. It is kept as well, since finding it out costs as much as a
 * conversion.
 */
export interface NoModel {
  readonly reason: string;
}

/** @param kerasModel the client's Keras model; it may be a JsonText */
export function buildModel(
  kerasModel: unknown,
  { id, request, ghn }: PredictionRecord,
): BuiltModel | NoModel {
  try {
    const keras = readKeras({ keras: parsed(kerasModel) }, UNLIMITED, request.unsupported);
    const { model, weights } = tfjsModel(keras, {
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
