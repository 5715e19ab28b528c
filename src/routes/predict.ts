import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Limits } from '../architecture/limits.js';
import { streamBytes } from '../format/stream.js';
import { requestSignal } from '../plugins/request-signal.js';
import { serverTiming } from '../plugins/server-timing.js';
import type { Predictions } from '../predictions/predictions.js';
import { type PredictRequest, predictBodySchema, readPredictRequest } from '../predictions/request.js';
import { weightsFile } from '../predictions/weights.js';
import { problemResponse } from './responses.js';

export interface PredictOptions {
  readonly predictions: Predictions;
  readonly limits: Limits;
  readonly timeoutMilliseconds: number;
}

const weightsSchema = z.file().meta({ type: 'string', format: 'binary', description: 'The weights.' });

export const predict: FastifyPluginAsyncZod<PredictOptions> = async (
  app,
  { predictions, limits, timeoutMilliseconds },
) => {
  app.post<{ Body: PredictRequest }>(
    '/predict',
    {
      schema: {
        tags: ['predictions'],
        summary: 'Predict the parameters of a network',
        body: predictBodySchema,
        response: {
          200: {
            description: 'The weights.',
            content: { 'application/octet-stream': { schema: weightsSchema } },
          },
          400: problemResponse('Malformed JSON'),
          404: problemResponse('An unknown architecture or GHN'),
          413: problemResponse('Too large a body'),
          415: problemResponse('A media type that is not JSON'),
          422: problemResponse('The request does not validate; `errors` names every fault'),
          503: problemResponse('Overloaded or not ready: try again after `retry-after` seconds'),
        },
      },
      validatorCompiler: () => (body) => {
        try {
          return { value: readPredictRequest(body, limits) };
        } catch (error) {
          return { error: error as Error };
        }
      },
    },
    async (request, reply) => {
      const signal = requestSignal(reply, timeoutMilliseconds);
      const { record, tensors, cached, release } = await predictions.predict(request.body, signal);
      reply.raw.once('close', release);
      const { layout, fileName, etag } = weightsFile(record, tensors, record.request);

      request.log.info(
        { prediction: record.id, architecture: record.architecture, latency: record.latency_ms, cached },
        'predicted',
      );
      return reply
        .headers({
          'content-type': 'application/octet-stream',
          'content-length': layout.byteLength,
          'content-disposition': `attachment; filename="${fileName}"`,
          etag,
          location: record.links.self,
          'server-timing': serverTiming(record.latency_ms, cached),
        })
        .send(streamBytes(layout) as never);
    },
  );
};
