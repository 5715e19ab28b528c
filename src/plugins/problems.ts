import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { UnknownArchitectureError } from '../architecture/zoo.js';
import { OverloadedError } from '../predictions/admission.js';
import {
  CancelledError,
  InvalidRequestError,
  NotFoundError,
  NotReadyError,
  NotStoredError,
} from '../predictions/errors.js';
import type { Failure, FailureCode } from '../predictions/failure.js';
import { PredictionFailedError, PredictorUnavailableError } from '../predictor/executor.js';
import { StatisticsUnavailableError } from '../statistics/worker.js';
import { BadCursorError, StoreBusyError, StoreUnchangedError } from '../store/store.js';
import { bounded } from './bounded-problem.js';
import { PROBLEM_TYPE, type Problem } from './problem.js';
import { REQUEST_ID_HEADER } from './request-id.js';
import { ClientGoneError, RequestTimeoutError } from './request-signal.js';

/** How soon a request is worth another try where nothing says more: about as long as a restart of the engine takes. */
const RETRY_AFTER_SECONDS = 2;

/** A client asks more often than it may. */
export class TooManyRequestsError extends Error {
  readonly retryAfter: number;

  /** @param retryAfter seconds */
  constructor(retryAfter: number) {
    super('too many requests from this key or address');
    this.retryAfter = retryAfter;
  }
}

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
  if (error instanceof BadCursorError) {
    return {
      status: 422,
      detail: 'The request does not validate.',
      errors: [{ path: '/cursor', message: error.message }],
    };
  }
  if (error instanceof NotFoundError || error instanceof UnknownArchitectureError) {
    return { status: 404, detail: error.message };
  }
  if (error instanceof NotReadyError) return notReady(error);
  if (error instanceof TooManyRequestsError) {
    return { status: 429, detail: error.message, retryAfter: error.retryAfter };
  }
  if (error instanceof OverloadedError) {
    const remedy = error.reason === 'wait' ? '; with prefer: respond-async nobody needs to wait' : '';
    return { status: 503, detail: `${error.message}${remedy}`, retryAfter: error.retryAfter };
  }
  if (error instanceof CancelledError || error instanceof ClientGoneError) {
    return { status: 409, detail: error.message };
  }
  if (
    error instanceof PredictorUnavailableError ||
    error instanceof StatisticsUnavailableError ||
    error instanceof StoreBusyError ||
    error instanceof RequestTimeoutError
  ) {
    return { status: 503, detail: error.message, retryAfter: RETRY_AFTER_SECONDS };
  }
  if (error instanceof NotStoredError || error instanceof StoreUnchangedError) {
    return { status: 507, detail: error.message };
  }
  if (error instanceof PredictionFailedError) return { status: 500, detail: error.message };
  const { statusCode, message, code } = error as FastifyError;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return {
      status: 415,
      detail:
        'The body must be JSON, with content-type: application/json; files of networks or weights are not read.',
    };
  }
  if (statusCode !== undefined && statusCode < 500) {
    return { status: statusCode, detail: message };
  }
  return { status: 500, detail: 'The service failed; its log says more under this request’s x-request-id.' };
}

/** What is being made is worth waiting for; what failed says why. */
function notReady({ message, record }: NotReadyError): Answer {
  if (record.error) return { status: 409, detail: `${message}: ${record.error.message}` };
  return { status: 409, detail: message, retryAfter: RETRY_AFTER_SECONDS };
}

function toProblem({ status, detail, errors }: Answer): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: 'about:blank', title, status, ...bounded({ detail, ...(errors && { errors }) }) };
}

const FAILURE_STATUS: Readonly<Record<FailureCode, number>> = {
  cancelled: 409,
  engine_unavailable: 503,
  not_stored: 507,
  prediction_failed: 500,
  internal: 500,
};

/** Why a prediction came to nothing, as a problem. */
export function problemOf({ code, message }: Failure): Problem {
  return toProblem({ status: FAILURE_STATUS[code], detail: message });
}

/** A problem as it is sent. */
export function problemText(answer: Answer): string {
  return JSON.stringify(toProblem(answer));
}

/** Answers with a problem. */
export function sendProblem(reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer.retryAfter !== undefined) reply.header('retry-after', answer.retryAfter);
  // As a string, so that no route's response schema is asked to serialise it.
  return reply.code(answer.status).type(PROBLEM_TYPE).send(problemText(answer));
}

/** What an answer carries that is given before any plugin has seen its request. */
export const headersBeforeRoutes = (requestId: string) => ({
  [REQUEST_ID_HEADER]: requestId,
  'x-content-type-options': 'nosniff',
});

/** Answers a request whose path Fastify can read for no route: it is badly encoded, or an id in it too long. */
export function refusePath(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply.headers(headersBeforeRoutes(request.id)), answerTo(error));
}

/** Every error is answered in the one form of RFC 9457. */
export const problems = fastifyPlugin(async (app: FastifyInstance) => {
  app.setErrorHandler((error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const answer = answerTo(error);
    if (answer.status >= 500 && answer.retryAfter === undefined) request.log.error({ err: error }, 'failed');
    return sendProblem(reply, answer);
  });
});
