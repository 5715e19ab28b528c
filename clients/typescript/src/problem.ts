/** A problem in the form of RFC 9457, with the service's additional members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  /** A stable code, for programs. */
  readonly code?: string;
  /** One entry for each fault; `path` is a JSON pointer into the request's body. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** The service answered with an error. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  readonly problem: Problem;
  /** Seconds after which the same request is worth another try, if the service gives them. */
  readonly retryAfter: number | null;
  /** The request's id, which is also in the service's log. */
  readonly requestId: string | null;

  constructor(problem: Problem, headers: Headers) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
    this.status = problem.status;
    const seconds = Number(headers.get('retry-after') ?? Number.NaN);
    this.retryAfter = Number.isFinite(seconds) ? seconds : null;
    this.requestId = headers.get('x-request-id');
  }
}

/** Returns the error for an answer that is not a success. A proxy's error page becomes a problem too. */
export async function problemOf(response: Response, body?: unknown): Promise<ProblemError> {
  const given = body ?? (await response.json().catch(() => undefined));
  const problem: Problem = isProblem(given)
    ? given
    : {
        type: 'about:blank',
        title: response.statusText || `HTTP ${response.status}`,
        status: response.status,
      };
  return new ProblemError(problem, response.headers);
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'title' in value && 'status' in value;
}
