import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { isResponseSerializationError } from 'fastify-type-provider-zod';
import { NotFoundError } from '../predictions/errors.js';
import type { Problem } from '../predictions/record.js';
import { InvalidRequestError } from '../predictions/request.js';
import { PredictorUnavailableError } from '../predictor/predictor.js';
import { QueueFullError } from '../queue/queue.js';
import { RequestTimeoutError } from './request-signal.js';

export const PROBLEM_TYPE = 'application/problem+json';

/** How soon a refused request is worth another try: about as long as a restart of the engine, or a few predictions. */
const RETRY_AFTER_SECONDS = 2;

/** What an error comes to. */
interface Answer {
  readonly status: number;
  readonly detail: string;
  readonly errors?: Problem['errors'];
  readonly retryAfter?: number;
}

function answerTo(error: unknown): Answer {
  if (error instanceof InvalidRequestError) {
    return { status: 422, detail: error.message, errors: [...error.faults] };
  }
  if (error instanceof NotFoundError) return { status: 404, detail: error.message };
  if (
    error instanceof QueueFullError ||
    error instanceof PredictorUnavailableError ||
    error instanceof RequestTimeoutError
  ) {
    return { status: 503, detail: error.message, retryAfter: RETRY_AFTER_SECONDS };
  }
  const { statusCode, message } = error as FastifyError;
  if (statusCode !== undefined && statusCode < 500 && !isResponseSerializationError(error)) {
    return { status: statusCode, detail: message };
  }
  return { status: 500, detail: 'The service failed; its log says more under this request’s x-request-id.' };
}

/** Answers with a problem (RFC 9457). */
export function sendProblem(
  reply: FastifyReply,
  { status, detail, errors, retryAfter }: Answer,
): FastifyReply {
  const problem: Problem = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...(errors && { errors }),
  };
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  // As a string, so that no route's response schema is asked to serialise it.
  return reply.code(status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
}

/** Every error is answered in the one form of RFC 9457. */
export const problems = fastifyPlugin(async (app: FastifyInstance) => {
  app.setErrorHandler((error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const answer = answerTo(error);
    if (answer.status >= 500 && answer.retryAfter === undefined) request.log.error({ err: error }, 'failed');
    return sendProblem(reply, answer);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, { status: 404, detail: `Nothing is at ${request.method} ${request.url}.` }),
  );
});
