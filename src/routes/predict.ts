import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Limits } from '../architecture/limits.js';
import { streamBytes } from '../format/stream.js';
import type { AnswerMonitor } from '../plugins/answer-monitor.js';
import { requestSignal } from '../plugins/request-signal.js';
import { serverTiming } from '../plugins/server-timing.js';
import { whenClosed } from '../plugins/when-closed.js';
import type { Predictions } from '../predictions/predictions.js';
import { recordSchema } from '../predictions/record.js';
import { type PredictRequest, predictBodySchema, readPredictRequest } from '../predictions/request.js';
import { weightsFile } from '../predictions/weights.js';
import { bytesResponse, problemResponse } from './responses.js';

export interface PredictOptions {
  readonly predictions: Predictions;
  readonly answers: AnswerMonitor;
  readonly limits: Limits;
  readonly timeoutMilliseconds: number;
}

/** RFC 7240. */
const prefersAsync = (prefer: string | string[] | undefined) =>
  [prefer].flat().some((value) => value?.split(/[,;]/).some((part) => part.trim() === 'respond-async'));

export const predict: FastifyPluginAsyncZod<PredictOptions> = async (
  app,
  { predictions, answers, limits, timeoutMilliseconds },
) => {
  app.post<{ Body: PredictRequest }>(
    '/predict',
    {
      schema: {
        tags: ['predictions'],
        summary: 'Predict the parameters of a network',
        description:
          'Answers with the weights. With `prefer: respond-async` it answers at once with the record, whose address ' +
          'is in `location`, and the weights are fetched from there.',
        body: predictBodySchema,
        response: {
          200: bytesResponse('The weights.'),
          202: recordSchema.describe('The prediction is in the making.'),
          400: problemResponse('Malformed JSON'),
          404: problemResponse('An unknown architecture or GHN'),
          409: problemResponse('The prediction was cancelled'),
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
      if (prefersAsync(request.headers.prefer)) {
        const record = await predictions.begin(request.body);
        return reply
          .code(202)
          .headers({ location: record.links.self, 'preference-applied': 'respond-async' })
          .send(record);
      }
      const signal = requestSignal(reply, timeoutMilliseconds);
      const { record, tensors, cached, release } = await predictions.predict(request.body, signal);
      whenClosed(reply, release);
      answers.watch(reply);
      const { source, fileName, etag } = weightsFile(record, tensors, record.request);
      const start = performance.now();
      reply.raw.once('finish', () => {
        if (!cached) predictions.noteSerialized(record.id, performance.now() - start);
      });
      return reply
        .headers({
          'content-type': 'application/octet-stream',
          'content-length': source.byteLength,
          'content-disposition': `attachment; filename="${fileName}"`,
          etag,
          location: record.links.self,
          'server-timing': serverTiming(record.latency_ms, cached),
        })
        .send(streamBytes(source) as never);
    },
  );
};
