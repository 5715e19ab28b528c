/** A problem as RFC 9457 describes it, with the service's own members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  /** Stable, for programs. */
  readonly code?: string;
  /** One entry per fault; `path` is a JSON pointer into the request's body. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** The service answered with an error. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  readonly problem: Problem;
  /** Seconds after which the same request is worth another try, where the service names them. */
  readonly retryAfter: number | null;
  /** The request's id, which the service's log names as well. */
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

/** The error of an answer that is not a success. A proxy's page becomes a problem too. */
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
