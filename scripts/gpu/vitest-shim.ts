/**
 * The part of vitest that the engine's contract tests use, made from node:test and vitest's own `expect`, so that no
 * folder of packages is needed.
 */
import { after, before, describe as nodeDescribe, it as nodeIt } from 'node:test';
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend, setState } from '@vitest/expect';
import * as chai from 'chai';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

type Body = (...values: unknown[]) => unknown;
type Runner = (name: string, options: object, body: () => unknown) => unknown;

export const expect = Object.assign(
  (value: unknown, message?: string) => chai.expect(value, message),
  chai.expect,
);
setState({ assertionCalls: 0 } as never, expect as never);

function title(template: string, row: readonly unknown[]): string {
  const rest = [...row];
  return template
    .replace(/\$(\w+)/g, (_, key) => String((row[0] as Record<string, unknown>)?.[key]))
    .replace(/%[sdijo]/g, () => String(rest.shift()));
}

function wrap(run: Runner & { readonly skip: (name: string) => unknown }) {
  const options = { timeout: 120_000 };
  return Object.assign((name: string, body: () => unknown) => run(name, options, body), {
    skip: (name: string) => run.skip(name),
    each: (rows: readonly unknown[]) => (name: string, body: Body) => {
      for (const row of rows) {
        const values = Array.isArray(row) ? row : [row];
        run(title(name, values), options, () => body(...values));
      }
    },
  });
}

export const it = wrap(nodeIt as never);
export const describe = wrap(nodeDescribe as never);
export const beforeAll = before;
export const afterAll = after;
