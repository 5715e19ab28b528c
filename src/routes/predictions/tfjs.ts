import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ReadyBytes } from '../../format/layout.js';
import { jsonResponse, notReady, problemResponse } from '../../http/answers/responses.js';
import { sendBytes } from '../../http/answers/send-bytes.js';
import { whenClosed } from '../../http/answers/when-closed.js';
import { NotFoundError } from '../../predictions/errors.js';
import type { Predictions } from '../../predictions/predictions.js';
import { TfjsModels } from '../../predictions/tfjs.js';
import { conditionalHeaders, downloadHeaders, downloadResponses } from '../downloads.js';
import { modelLinks } from './links.js';
import { idParameters } from './parameters.js';
import { tfjsEtag } from './weights-file.js';

const MODEL = 'model.json';
const METHODS = ['GET', 'HEAD'];

const failures = {
  404: problemResponse(
    'No prediction has this id, its architecture was not given as Keras, or TensorFlow.js cannot run it',
  ),
  409: notReady,
};

const model = downloadResponses('A layers model, with the paths of its weights.', {}, ['application/json']);

const modelSchema = z.looseObject({
  weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()) })),
});

/** Routes for a prediction as a TensorFlow.js model: `tf.loadLayersModel` takes the address of its `model.json`. */
export const tfjs: FastifyPluginAsyncZod<{ predictions: Predictions }> = async (app, { predictions }) => {
  const models = new TfjsModels(predictions);

  app.route({
    method: METHODS,
    url: `/predictions/:id/tfjs/${MODEL}`,
    schema: {
      tags: ['predictions'],
      operationId: 'getTfjsModel',
      summary: 'Load a prediction into TensorFlow.js',
      description:
        'Give this address to `tf.loadLayersModel`. It exists for architectures that were given as Keras. Weights that were not predicted have their initial values.',
      params: idParameters,
      headers: conditionalHeaders,
      response: {
        ...model,
        200: jsonResponse(model[200].description, modelSchema, model[200].headers),
        ...failures,
      },
    },
    links: { 200: modelLinks },
    handler: async (request, reply) => {
      const { record, modelJson, digest, release } = await models.open(request.params.id, request.signal);
      whenClosed(reply, release);
      const source = new ReadyBytes(modelJson);
      return sendBytes(request, reply, {
        source,
        etag: tfjsEtag(record, digest, MODEL),
        contentType: 'application/json',
      });
    },
  });

  app.route({
    method: METHODS,
    url: '/predictions/:id/tfjs/:shard',
    schema: {
      tags: ['predictions'],
      operationId: 'downloadTfjsWeights',
      summary: 'Download a part of a TensorFlow.js model’s weights',
      description: '`tf.loadLayersModel` requests these files itself.',
      params: idParameters.extend({
        shard: z.string().describe('A path of `weightsManifest` in `model.json`.'),
      }),
      headers: downloadHeaders,
      response: {
        ...downloadResponses('The weights, F32, little-endian.'),
        ...failures,
      },
    },
    handler: async (request, reply) => {
      const { id, shard } = request.params;
      const { record, digest, shards, release } = await models.open(id, request.signal);
      whenClosed(reply, release);
      const source = shards().get(shard);
      if (!source) throw new NotFoundError(`the model has no file ${JSON.stringify(shard)}`);
      return sendBytes(request, reply, {
        source,
        etag: tfjsEtag(record, digest, shard),
        contentType: 'application/octet-stream',
      });
    },
  });
};
