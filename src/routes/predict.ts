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
import { BodyRoom } from '../http/requests/receive-body.js';
import { PlannedRequest } from '../predictions/plan-request.js';
import type { Predictions } from '../predictions/predictions.js';
import type { PredictRequest } from '../predictions/request.js';
import { predictBodiesSchema, RequestList, readPredictBody } from '../predictions/request-list.js';
import { weightsSource } from '../predictions/weights.js';
import { RECEIVED_BODIES_BYTES } from '../system/memory.js';
import { begun, made, resultsSchema, sendParts } from './predict-list.js';
import { predictionLinks } from './predictions/links.js';
import { pathOf, viewOf, viewSchema, warningHeaderSchema, warningHeaders } from './predictions/view.js';
import { weightsEtag, weightsFileName } from './predictions/weights-file.js';

export interface PredictOptions {
  readonly predictions: Predictions;
  readonly answers: AnswerMonitor;
  readonly limits: Limits;
  readonly timeoutMilliseconds: number;
  /** Identifies the client: a key or an address. */
  readonly clientOf: (request: FastifyRequest) => string;
}

const located = z.object({ location: z.string().describe('The address of the prediction.') });

/** Headers of an answer with one prediction's weights. In the answer to a list, the parts have them. */
const weightsHeaders = located
  .extend({
    'content-length': z.int().min(0).describe('Length in bytes.'),
    'content-disposition': z.string(),
    etag: z.string().describe('A strong etag: the same etag means the same bytes.'),
    'server-timing': z.string().describe('Duration of each stage, in milliseconds.'),
    'x-ghn-warnings': warningHeaderSchema,
  })
  .partial();

/**
 * Memory of a list that was parsed in another process, relative to its body: as architectures, graphs and Keras models.
 */
const BYTES_PER_BODY_BYTE = 3;

/** Share of a request's time limit in which the predictions of a list must be finished. */
const LIST_SHARE = 0.9;

/** Returns true if the client wants a list's weights. */
const acceptsParts = (accept: string | undefined) =>
  accept?.split(',').some((range) => range.split(';', 1)[0].trim().toLowerCase() === 'multipart/mixed');

export const predict: FastifyPluginAsyncZod<PredictOptions> = async (
  app,
  { predictions, answers, limits, timeoutMilliseconds, clientOf },
) => {
  const largest = BYTES_PER_BODY_BYTE * app.initialConfig.bodyLimit!;
  const lists = new BodyRoom(Math.max(RECEIVED_BODIES_BYTES, largest), largest);
  app.post<{ Body: PredictRequest | PlannedRequest | RequestList }>(
    '/predict',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'predict',
        summary: 'Predict the parameters of a network',
        description:
          'Answers with the weights. With `prefer: respond-async` it answers at once with the record. The record’s address is in `location`, and the weights can be downloaded from there later. The body can also be a list of up to 256 requests. The answer then has their records or, if `accept` has multipart/mixed, the weights of each as a part. Results are in the order of the requests, with a problem for each request that fails.',
        headers: z.looseObject({
          prefer: z
            .string()
            .optional()
            .describe('With `respond-async`, the service answers at once and predicts later.'),
        }),
        body: predictBodiesSchema,
        response: {
          200: {
            description: 'The weights. For a list of requests: the records, or the weights of each.',
            headers: weightsHeaders,
            content: {
              ...bytesResponse('', undefined, ['application/octet-stream', 'multipart/mixed']).content,
              'application/json': { schema: resultsSchema },
            },
          },
          202: jsonResponse(
            'The prediction is queued or running. For a list: each request that was not refused.',
            z.union([viewSchema, resultsSchema]),
            located.partial().extend({ 'preference-applied': z.literal('respond-async') }),
          ),
          400: problemResponse('Malformed JSON'),
          404: problemResponse('An unknown architecture or GHN'),
          409: problemResponse('The prediction was cancelled'),
          413: problemResponse('The body is too large'),
          415: problemResponse('The media type is not JSON'),
          422: problemResponse('The request does not validate; `errors` names every fault'),
          503: unavailable('Overloaded or not ready'),
        },
      },
      links: { 202: predictionLinks('$response.body#/id') },
      validatorCompiler: (part) => (value) => {
        if (part.httpPart !== 'body') return app.validatorCompiler!(part)(value);
        try {
          if (value instanceof PlannedRequest) return { value };
          if (value instanceof RequestList) return { value };
          return { value: readPredictBody(value, limits) };
        } catch (error) {
          return { error: error as Error };
        }
      },
    },
    async (request, reply) => {
      const { body, headers } = request;
      const client = clientOf(request);
      const isAsync = prefers('respond-async', headers.prefer);
      if (body instanceof RequestList) {
        const { bytes } = body;
        lists.take(bytes, client);
        whenClosed(reply, () => lists.giveBack(bytes, client));
        // Early enough to answer with what is finished by then.
        const signal = requestSignal(reply, LIST_SHARE * timeoutMilliseconds);
        const answer = { predictions, list: body, client, signal };
        if (isAsync) {
          return reply
            .code(202)
            .header('preference-applied', 'respond-async')
            .send(await begun(answer));
        }
        if (!acceptsParts(headers.accept)) return reply.send((await made(answer)) as never);
        answers.watch(reply);
        return sendParts(reply, answer);
      }
      if (isAsync) {
        const record = await predictions.begin(body, client);
        return reply
          .code(202)
          .headers({ location: pathOf(record), 'preference-applied': 'respond-async' })
          .send(viewOf(record));
      }
      const signal = requestSignal(reply, timeoutMilliseconds);
      const { record, tensors, cached, release } = await predictions.predict(body, signal, client);
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
