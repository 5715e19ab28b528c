import { expect } from 'vitest';
import type { Problem } from '../../src/http/problems/problem.js';
import { PROBLEM_CODES, PROBLEM_KINDS, type ProblemCode } from '../../src/http/problems/problem-kinds.js';

interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Expected {
  readonly detail?: string | RegExp;
  /** Pointers into the request, and messages, in order. */
  readonly errors?: readonly (readonly [path: string, message: string | RegExp])[];
}

const matching = (expected: string | RegExp) =>
  typeof expected === 'string' ? expected : expect.stringMatching(expected);

/** Checks that an answer is a problem (RFC 9457) with this status and content. */
export function expectProblem(
  answer: ProblemAnswer,
  status: number,
  { detail, errors }: Expected = {},
): void {
  const code = (answer.body as { code: ProblemCode }).code;
  expect(PROBLEM_CODES).toContain(code);
  expect(answer.body).toEqual({
    type: `/docs/errors#${code}`,
    code,
    title: PROBLEM_KINDS[code].title,
    status,
    detail: detail === undefined ? expect.stringMatching(/.{10}/) : matching(detail),
    ...(errors && { errors: errors.map(([path, message]) => ({ path, message: matching(message) })) }),
  });
  if (errors) {
    const { detail, errors } = answer.body as Problem;
    expect(detail).toContain(errors?.[0]?.message);
  }
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
}
