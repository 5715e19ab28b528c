/** A kind of problem: its HTTP answer and the content of its page in the documentation. */
export interface ProblemKind {
  /** The HTTP status. */
  readonly status: number;
  readonly title: string;
  readonly cause: string;
  readonly remedy: string;
}

/**
 * Every kind of problem by its code. Codes are stable, so programs can tell problems apart by them. `docs/errors.md`
 * and the page at /docs/errors are generated from this table.
 */
export const PROBLEM_KINDS = {
  invalid_request: {
    status: 422,
    title: 'Invalid request',
    cause:
      'The request is readable JSON, but something in it is not valid: a field, the architecture, a query parameter, or a size beyond a limit.',
    remedy:
      'Correct the faults in `errors`: each entry has a JSON pointer into the request and says what is expected there. If a limit was exceeded, the message names its setting.',
  },
  bad_request: {
    status: 400,
    title: 'Bad request',
    cause: 'The service could not read the bytes as an HTTP request, or could not read the body as JSON.',
    remedy: 'Check the JSON, the encoding of the path and the headers; `detail` says where reading stopped.',
  },
  unauthorized: {
    status: 401,
    title: 'Key missing or wrong',
    cause: 'The service has `API_KEYS`, and the request does not have one of these keys.',
    remedy: 'Send `authorization: Bearer KEY`. The operator of the service can give you a key.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    cause:
      'There is no route, GHN, architecture, prediction or tensor with that name. A prediction may have been deleted to make room.',
    remedy:
      '`detail` has the most similar names. `GET /architectures` and `GET /ghns` list all names. To make a deleted prediction again, send its POST again.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    cause: 'The path exists, but not with this method.',
    remedy: 'Use one of the methods in the header `allow`.',
  },
  request_timeout: {
    status: 408,
    title: 'Request arrived too slowly',
    cause: 'The request did not arrive completely in time.',
    remedy: 'Send the request again over a faster connection.',
  },
  not_ready: {
    status: 409,
    title: 'Prediction has no weights yet',
    cause: 'The prediction is queued or running.',
    remedy: 'Ask again after `retry-after` seconds, or follow `GET /predictions/{id}/events`.',
  },
  no_weights: {
    status: 409,
    title: 'Prediction has no weights',
    cause: 'The prediction failed or was cancelled; `detail` has the reason.',
    remedy: 'Remove the cause, then send its POST again.',
  },
  cancelled: {
    status: 409,
    title: 'Prediction was cancelled',
    cause: 'Someone deleted the prediction, or all clients that waited for it disconnected.',
    remedy: 'Send its POST again.',
  },
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    cause: 'The weights do not have the etag in `if-match`.',
    remedy: 'Download the weights from the start. The part that you have belongs to another body.',
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    cause: 'The request is larger than `MAX_BODY_BYTES` allows.',
    remedy: 'Send the architecture without weights, or raise `MAX_BODY_BYTES`.',
  },
  path_too_long: {
    status: 414,
    title: 'Path too long',
    cause: 'A part of the path or of the query is longer than any name that the service uses.',
    remedy: 'Shorten it. To select tensors, use a pattern (`layer1.*`) instead of a list.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    cause: 'The body is not JSON, or is compressed.',
    remedy:
      'Send JSON with `content-type: application/json`. The service does not read files of networks or weights.',
  },
  range_not_satisfiable: {
    status: 416,
    title: 'Range not satisfiable',
    cause: 'The range starts after the end of the weights.',
    remedy: 'The header `content-range` has the length of the weights.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    cause: 'The request has an `expect` header other than `100-continue`.',
    remedy: 'Remove the header.',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many requests',
    cause: 'This key or address sent more requests in a minute than `RATE_LIMIT` allows.',
    remedy: 'Wait for `retry-after` seconds.',
  },
  headers_too_large: {
    status: 431,
    title: 'Headers too large',
    cause: 'The path and the headers together are longer than the service accepts.',
    remedy: 'Send fewer or shorter headers.',
  },
  prediction_failed: {
    status: 500,
    title: 'Prediction failed',
    cause: 'The engine refused the computation, or crashed during it.',
    remedy:
      'The same request will fail again. Please report the architecture. Other architectures are not affected.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    cause: 'There is a bug in the service.',
    remedy:
      'The log has the reason, under the answer’s `x-request-id` or the prediction’s id. Please report it.',
  },
  not_implemented: {
    status: 501,
    title: 'Not implemented',
    cause: 'The request uses a part of HTTP that the service does not implement, such as CONNECT.',
    remedy: 'Use the routes of `/openapi.json`.',
  },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    cause:
      'The queue is full, the wait would be too long, or the memory is in use. `detail` says which, and names the setting.',
    remedy: 'Wait for `retry-after` seconds, send `prefer: respond-async`, or add replicas.',
  },
  engine_unavailable: {
    status: 503,
    title: 'Engine unavailable',
    cause: 'The process that holds the GHNs is starting or restarting.',
    remedy: 'Send the request again after `retry-after` seconds.',
  },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    cause:
      'The service is starting or stopping, its store answers slowly, or an answer took longer than `REQUEST_TIMEOUT_MS`.',
    remedy: 'Send the request again after `retry-after` seconds.',
  },
  not_stored: {
    status: 507,
    title: 'Not stored',
    cause: 'The prediction could not be stored, because the store is full or read-only.',
    remedy:
      'Free space or raise `STORE_MAX_BYTES`, then send the request again. Stored predictions can still be read.',
  },
} as const satisfies Readonly<Record<string, ProblemKind>>;

export type ProblemCode = keyof typeof PROBLEM_KINDS;

export const PROBLEM_CODES = Object.keys(PROBLEM_KINDS) as [ProblemCode, ...ProblemCode[]];

/** Returns the path of a problem's page, relative to the service. */
export const problemType = (code: ProblemCode): string => `/docs/errors#${code}`;

const BY_STATUS: ReadonlyMap<number, ProblemCode> = new Map(
  // The first code of each status stands for it.
  PROBLEM_CODES.toReversed().map((code) => [PROBLEM_KINDS[code].status, code]),
);

/** Returns the code for an error of a library, by its HTTP status. */
export function codeOfStatus(status: number): ProblemCode {
  return BY_STATUS.get(status) ?? (status < 500 ? 'bad_request' : 'internal');
}
