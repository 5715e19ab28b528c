import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Fault } from '../../architecture/faults.js';
import { UnknownArchitectureError } from '../../architecture/zoo.js';
import { OverloadedError } from '../../predictions/admission.js';
import {
  CancelledError,
  InvalidRequestError,
  NotFoundError,
  NotReadyError,
  NotStoredError,
} from '../../predictions/errors.js';
import { PredictionFailedError, PredictorUnavailableError } from '../../predictor/executor.js';
import type { Failure } from '../../record/failure.js';
import { StatisticsUnavailableError } from '../../statistics/worker.js';
import { BadCursorError } from '../../store/list.js';
import { StoreBusyError, StoreUnchangedError } from '../../store/store.js';
import { ClientGoneError, RequestTimeoutError } from '../answers/request-signal.js';
import { bounded } from '../problems/bounded-problem.js';
import { PROBLEM_TYPE, type Problem } from '../problems/problem.js';
import { codeOfStatus, PROBLEM_KINDS, type ProblemCode, problemType } from '../problems/problem-kinds.js';
import { REQUEST_ID_HEADER } from './request-id.js';

/**
 * Delay before another try is worthwhile, if nothing more exact is known: about the time in which the engine restarts.
 */
const RETRY_AFTER_SECONDS = 2;

/** The client sent more requests than allowed. */
export class TooManyRequestsError extends Error {
  readonly retryAfter: number;

  /** @param retryAfter seconds */
  constructor(retryAfter: number) {
    super('too many requests from this key or address');
    this.retryAfter = retryAfter;
  }
}

/** The answer to a request that is refused. */
export interface ProblemAnswer {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors?: Problem['errors'];
  /** Delay in seconds before another try. */
  readonly retryAfter?: number;
}

type ErrorClass = abstract new (...args: never[]) => Error;

/** Pairs an error class with the answer that it is refused with. */
function refusal<E extends ErrorClass>(
  type: E,
  answer: (error: InstanceType<E>) => ProblemAnswer,
): { readonly type: ErrorClass; readonly answer: (error: never) => ProblemAnswer } {
  return { type, answer };
}

const because =
  (code: ProblemCode, more: Partial<ProblemAnswer> = {}) =>
  ({ message }: Error): ProblemAnswer => ({ code, detail: message, ...more });

const AGAIN_SOON = { retryAfter: RETRY_AFTER_SECONDS };

const REFUSALS = [
  refusal(InvalidRequestError, ({ faults }) => invalid(faults)),
  refusal(BadCursorError, ({ message }) => invalid([{ path: '/cursor', message }])),
  refusal(NotFoundError, because('not_found')),
  refusal(UnknownArchitectureError, because('not_found')),
  refusal(NotReadyError, notReady),
  refusal(TooManyRequestsError, (error) => because('too_many_requests', error)(error)),
  refusal(OverloadedError, ({ message, reason, retryAfter }) => {
    const remedy = reason === 'wait' ? '; with prefer: respond-async you do not have to wait' : '';
    return { code: 'overloaded', detail: `${message}${remedy}`, retryAfter };
  }),
  refusal(CancelledError, because('cancelled')),
  refusal(ClientGoneError, because('cancelled')),
  refusal(PredictorUnavailableError, because('engine_unavailable', AGAIN_SOON)),
  refusal(StatisticsUnavailableError, because('unavailable', AGAIN_SOON)),
  refusal(StoreBusyError, because('unavailable', AGAIN_SOON)),
  refusal(RequestTimeoutError, because('unavailable', AGAIN_SOON)),
  refusal(NotStoredError, because('not_stored')),
  refusal(StoreUnchangedError, because('not_stored')),
  refusal(PredictionFailedError, because('prediction_failed')),
];

function refusalOf(error: Error): ProblemAnswer {
  const known = REFUSALS.find(({ type }) => error instanceof type);
  if (known) return known.answer(error as never);
  const { statusCode, message, code } = error as FastifyError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return {
      code: 'body_too_large',
      detail: 'The body is larger than this server accepts (MAX_BODY_BYTES).',
    };
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return {
      code: 'unsupported_media_type',
      detail:
        'The body must be JSON, with content-type: application/json; the service does not read files of networks or weights.',
    };
  }
  if (statusCode !== undefined && statusCode < 500)
    return { code: codeOfStatus(statusCode), detail: message };
  return {
    code: 'internal',
    detail: 'The service failed; its log says more under this request’s x-request-id.',
  };
}

/** Refuses a request that does not validate. The detail describes the first fault, and `errors` lists all of them. */
function invalid(faults: readonly Fault[]): ProblemAnswer {
  const [first] = faults;
  const others = faults.length > 1 ? ` (and ${faults.length - 1} more, in errors)` : '';
  const place = first?.path ? `${first.path}: ` : '';
  const detail = first ? `${place}${first.message}${others}` : 'The request does not validate.';
  return { code: 'invalid_request', detail, errors: [...faults] };
}

/**
 * Refuses weights that do not exist: a prediction in progress is worth another try, and a failed one gives its reason.
 */
function notReady({ message, record }: NotReadyError): ProblemAnswer {
  if (record.error) return { code: 'no_weights', detail: `${message}: ${record.error.message}` };
  return { code: 'not_ready', detail: message, retryAfter: RETRY_AFTER_SECONDS };
}

function toProblem({ code, detail, errors }: ProblemAnswer): Problem {
  const { title, status } = PROBLEM_KINDS[code];
  return { type: problemType(code), code, title, status, ...bounded({ detail, ...(errors && { errors }) }) };
}

/** Converts the failure of a prediction into a problem. */
export function problemOf({ code, message }: Failure): Problem {
  return toProblem({ code, detail: message });
}

/** Returns the problem that answers a failed request, and the seconds after which another try is worthwhile. */
export function problemOfError(error: Error): { readonly problem: Problem; readonly retryAfter?: number } {
  const answer = refusalOf(error);
  return { problem: toProblem(answer), retryAfter: answer.retryAfter };
}

/** Returns a problem as JSON text. */
export function problemText(answer: ProblemAnswer): string {
  return JSON.stringify(toProblem(answer));
}

/** Answers with a problem. */
export function sendProblem(reply: FastifyReply, answer: ProblemAnswer): FastifyReply {
  if (answer.retryAfter !== undefined) reply.header('retry-after', answer.retryAfter);
  // Sent as a string, so that the route's response schema does not apply.
  return reply.code(PROBLEM_KINDS[answer.code].status).type(PROBLEM_TYPE).send(problemText(answer));
}

/** Returns the headers of an answer that is given before any plugin has seen the request. */
export const headersBeforeRoutes = (requestId: string) => ({
  [REQUEST_ID_HEADER]: requestId,
  'x-content-type-options': 'nosniff',
});

/** Answers a request whose path matches no route because it is badly encoded, or because an id in it is too long. */
export function refusePath(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply.headers(headersBeforeRoutes(request.id)), refusalOf(error));
}

/** Answers every error in the form of RFC 9457. */
export const problems = fastifyPlugin(async (app: FastifyInstance) => {
  app.setErrorHandler((error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const answer = refusalOf(error);
    if (PROBLEM_KINDS[answer.code].status >= 500 && answer.retryAfter === undefined)
      request.log.error({ err: error }, 'failed');
    return sendProblem(reply, answer);
  });
});
