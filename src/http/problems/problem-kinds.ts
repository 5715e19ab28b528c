/** A kind of problem: how it is answered, and what its page in the documentation says. */
export interface ProblemKind {
  /** The HTTP status. */
  readonly status: number;
  readonly title: string;
  readonly cause: string;
  readonly remedy: string;
}

/**
 * Every kind of problem by its code. Codes are stable: programs may tell problems apart by them. `docs/errors.md` and the
 * page at /docs/errors are made from this table.
 */
export const PROBLEM_KINDS = {
  invalid_request: {
    status: 422,
    title: 'Invalid request',
    cause:
      'The request was read and does not fit: a field, an architecture, a query parameter, or a size beyond a limit.',
    remedy:
      'Correct what `errors` lists: each entry has a JSON pointer into the request and says what is expected there. A limit that refuses names its setting.',
  },
  bad_request: {
    status: 400,
    title: 'Bad request',
    cause: 'The bytes that came are no HTTP request, or no JSON, that the service can read.',
    remedy: 'Check the JSON, the encoding of the path and the headers; `detail` says where reading stopped.',
  },
  unauthorized: {
    status: 401,
    title: 'Key missing or wrong',
    cause: 'The service has `API_KEYS`, and the request carries none of them.',
    remedy: 'Send `authorization: Bearer KEY`. Ask whoever runs the service for a key.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    cause:
      'No route, GHN, architecture, prediction or tensor has that name. A prediction may have been removed to make room.',
    remedy:
      '`detail` has the nearest names. `GET /architectures` and `GET /ghns` list them; a prediction that was removed comes back when its POST is sent again.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    cause: 'The path exists, and not with this method.',
    remedy: 'Use one of the methods in the header `allow`.',
  },
  request_timeout: {
    status: 408,
    title: 'Request came too slowly',
    cause: 'The request did not arrive completely in time.',
    remedy: 'Send it again over a faster connection; compress nothing and keep the connection open.',
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
    remedy: 'Send its POST again once the reason is gone.',
  },
  cancelled: {
    status: 409,
    title: 'Prediction was cancelled',
    cause: 'Somebody deleted the prediction, or everyone who waited for it went away.',
    remedy: 'Send its POST again.',
  },
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    cause: 'The weights have another etag than `if-match` asks for.',
    remedy: 'Fetch the weights from the start: what was fetched before belongs to another body.',
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
    cause: 'A part of the path or of the query is longer than any that the service has.',
    remedy: 'Shorten it; ask for tensors with a pattern (`layer1.*`) instead of a list.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    cause: 'The body is not JSON, or is compressed.',
    remedy: 'Send JSON with `content-type: application/json`. Files of networks or weights are not read.',
  },
  range_not_satisfiable: {
    status: 416,
    title: 'Range not satisfiable',
    cause: 'The range starts behind the end of the weights.',
    remedy: 'The header `content-range` has their length.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    cause: 'The request has an `expect` other than `100-continue`.',
    remedy: 'Leave the header out.',
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
    cause: 'The path and the headers together are longer than the service reads.',
    remedy: 'Send fewer or shorter headers.',
  },
  prediction_failed: {
    status: 500,
    title: 'Prediction failed',
    cause: 'The engine refused the computation, or ended at it.',
    remedy: 'The same request fails again. Report the architecture; other architectures are not affected.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    cause: 'A fault of the service.',
    remedy:
      'Its log has the reason under the answer’s `x-request-id`, or under the prediction’s id. Please report it.',
  },
  not_implemented: {
    status: 501,
    title: 'Not implemented',
    cause: 'The request asks for something that is no part of the service, such as CONNECT.',
    remedy: 'Use the routes of `/openapi.json`.',
  },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    cause:
      'The queue is full, the wait would be longer than the request may take, or the memory is in use. `detail` says which, and names the setting.',
    remedy: 'Wait for `retry-after` seconds, send `prefer: respond-async`, or add replicas.',
  },
  engine_unavailable: {
    status: 503,
    title: 'Engine unavailable',
    cause: 'The process that holds the GHNs is starting, or was ended and is being started again.',
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
    cause: 'The store cannot be written to: it is full, or read-only.',
    remedy:
      'Free space or raise `STORE_MAX_BYTES`, then send the request again. What is stored can still be read.',
  },
} as const satisfies Readonly<Record<string, ProblemKind>>;

export type ProblemCode = keyof typeof PROBLEM_KINDS;

export const PROBLEM_CODES = Object.keys(PROBLEM_KINDS) as [ProblemCode, ...ProblemCode[]];

/** Where a problem's page is, relative to the service. */
export const problemType = (code: ProblemCode): string => `/docs/errors#${code}`;

const BY_STATUS: ReadonlyMap<number, ProblemCode> = new Map(
  // The first of a status stands for it.
  PROBLEM_CODES.toReversed().map((code) => [PROBLEM_KINDS[code].status, code]),
);

/** The kind that an error of a library comes under, by its HTTP status. */
export function codeOfStatus(status: number): ProblemCode {
  return BY_STATUS.get(status) ?? (status < 500 ? 'bad_request' : 'internal');
}
