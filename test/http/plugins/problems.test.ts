import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { problems } from '../../../src/http/plugins/problems.js';
import { InvalidRequestError, NotFoundError } from '../../../src/predictions/errors.js';

interface Sent {
  readonly detail: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
}

/** Returns the problem for an error, and its bytes. */
async function sent(error: Error) {
  const app = Fastify();
  await app.register(problems);
  app.get('/', async () => {
    throw error;
  });
  const { payload, headers } = await app.inject('/');
  await app.close();
  expect(headers['content-type']).toContain('application/problem+json');
  return { problem: JSON.parse(payload) as Sent, bytes: Buffer.byteLength(payload) };
}

const fault = (message: string) => ({ path: '/x', message });

describe('a problem has a size that can be sent', () => {
  it('for any length of its detail', async () => {
    const { problem, bytes } = await sent(new NotFoundError(`no ${'\u0001'.repeat(2 ** 20)}`));
    expect(problem.detail).toMatch(/^no .*…$/s);
    expect(bytes).toBeLessThan(100_000);
  });

  it('for any length of its errors, even if they are longer than a string may be', async () => {
    const long = 'x'.repeat(2 ** 24);
    const { problem, bytes } = await sent(new InvalidRequestError(Array(50).fill(fault(long))));
    expect(bytes).toBeLessThan(150_000);
    expect(problem.errors.at(-1)).toEqual({
      path: '',
      message: `${50 - problem.errors.length + 1} more are not listed`,
    });
  });

  it('for any number of errors, and gives the number of omitted ones', async () => {
    const { problem } = await sent(new InvalidRequestError(Array(1000).fill(fault('wrong'))));
    expect(problem.errors).toHaveLength(102);
    expect(problem.errors.at(-1)).toEqual({ path: '', message: '899 more are not listed' });
  });

  it('cut between characters', async () => {
    const { problem } = await sent(new NotFoundError(`x${'😀'.repeat(5000)}`));
    expect(problem.detail).toMatch(/😀…$/);
  });

  it('unchanged if it is small', async () => {
    const { problem } = await sent(new InvalidRequestError([fault('wrong'), fault('wrong as well')]));
    expect(problem.errors).toEqual([fault('wrong'), fault('wrong as well')]);
  });
});
