import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Limits } from '../architecture/limits.js';
import { streamBytes } from '../format/stream.js';
import type { AnswerMonitor } from '../http/answers/answer-monitor.js';
import { requestSignal } from '../http/answers/request-signal.js';
import { bytesResponse, jsonResponse, problemResponse, unavailable } from '../http/answers/responses.js';
import { serverTiming } from '../http/answers/server-timing.js';
import { whenClosed } from '../http/answers/when-closed.js';
import { prefers } from '../http/requests/prefer.js';
import { PlannedRequest } from '../predictions/plan-request.js';
import type { Predictions } from '../predictions/predictions.js';
import { type PredictRequest, predictBodySchema, readPredictRequest } from '../predictions/request.js';
import { weightsSource } from '../predictions/weights.js';
import { predictionLinks } from './predictions/links.js';
import { pathOf, viewOf, viewSchema, warningHeaderSchema, warningHeaders } from './predictions/view.js';
import { weightsEtag, weightsFileName } from './predictions/weights-file.js';

export interface PredictOptions {
  readonly predictions: Predictions;
  readonly answers: AnswerMonitor;
  readonly limits: Limits;
  readonly timeoutMilliseconds: number;
  /** Who asks: a key or an address. */
  readonly clientOf: (request: FastifyRequest) => string;
}

const located = z.object({ location: z.string().describe('Where the prediction is from now on.') });

export const predict: FastifyPluginAsyncZod<PredictOptions> = async (
  app,
  { predictions, answers, limits, timeoutMilliseconds, clientOf },
) => {
  app.post<{ Body: PredictRequest | PlannedRequest }>(
    '/predict',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'predict',
        summary: 'Predict the parameters of a network',
        description:
          'Answers with the weights. With `prefer: respond-async` it answers at once with the record, whose address ' +
          'is in `location`, and the weights are fetched from there.',
        headers: z.looseObject({
          prefer: z
            .string()
            .optional()
            .describe('`respond-async` answers at once, and the prediction is made meanwhile.'),
        }),
        body: predictBodySchema,
        response: {
          200: bytesResponse(
            'The weights.',
            located.extend({
              'content-length': z.int().min(0).describe('Bytes.'),
              'content-disposition': z.string(),
              etag: z.string().describe('Strong: the same etag means the same bytes.'),
              'server-timing': z.string().describe('The stages, in milliseconds.'),
              'x-ghn-warnings': warningHeaderSchema,
            }),
          ),
          202: jsonResponse(
            'The prediction is queued or running.',
            viewSchema,
            located.extend({ 'preference-applied': z.literal('respond-async') }),
          ),
          400: problemResponse('Malformed JSON'),
          404: problemResponse('An unknown architecture or GHN'),
          409: problemResponse('The prediction was cancelled'),
          413: problemResponse('Too large a body'),
          415: problemResponse('A media type that is not JSON'),
          422: problemResponse('The request does not validate; `errors` names every fault'),
          503: unavailable('Overloaded or not ready'),
        },
      },
      links: { 202: predictionLinks('$response.body#/id') },
      validatorCompiler: (part) => (value) => {
        if (part.httpPart !== 'body') return app.validatorCompiler!(part)(value);
        try {
          if (value instanceof PlannedRequest) return { value };
          return { value: readPredictRequest(value, limits) };
        } catch (error) {
          return { error: error as Error };
        }
      },
    },
    async (request, reply) => {
      if (prefers('respond-async', request.headers.prefer)) {
        const record = await predictions.begin(request.body, clientOf(request));
        return reply
          .code(202)
          .headers({ location: pathOf(record), 'preference-applied': 'respond-async' })
          .send(viewOf(record));
      }
      const signal = requestSignal(reply, timeoutMilliseconds);
      const { record, tensors, cached, release } = await predictions.predict(
        request.body,
        signal,
        clientOf(request),
      );
      whenClosed(reply, release);
      answers.watch(reply);
      const source = weightsSource(record, tensors, record.request);
      const start = performance.now();
      reply.raw.once('finish', () => {
        if (!cached) predictions.noteSerialized(record, performance.now() - start);
      });
      return reply
        .headers({
          'content-type': 'application/octet-stream',
          'content-length': source.byteLength,
          'content-disposition': `attachment; filename="${weightsFileName(record, record.request.format)}"`,
          etag: weightsEtag(record, record.request),
          location: pathOf(record),
          'server-timing': serverTiming(record.latency_ms, cached),
          ...warningHeaders(record),
        })
        .send(streamBytes(source) as never);
    },
  );
};
