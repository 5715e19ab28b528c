import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mutate, mutations, strangeMutations } from '../../proof/fuzz/inputs/json.js';
import { TINY_LAYERS } from '../../proof/fuzz/inputs/tiny-layers.js';
import { POINTER, tinyGraph } from '../architecture/fixtures.js';
import { undocumented } from '../helpers/documented.js';
import { startService, type TestService } from '../helpers/service.js';

const STATE_DICT = tinyGraph().nodes.flatMap(({ weight, bias }) =>
  [weight, bias].flatMap((tensor) => (tensor ? [{ ...tensor, kind: 'parameter' }] : [])),
);

const VALID: readonly object[] = [
  { architecture: tinyGraph() },
  { architecture: TINY_LAYERS, ghn: 'ghn2-nano', dtype: 'F16', format: 'npz' },
  {
    architecture: { ...tinyGraph(), state_dict: STATE_DICT },
    predict_classifier: false,
    seed: 3,
    dtype: 'F32',
    format: 'safetensors',
    postprocess: { noise: 0.01, orthogonalize: true, from_layer: 0, min_channels: 2, seed: 1 },
  },
];

let service: TestService;
const seen = new Map<number, number>();

beforeAll(async () => {
  // Valid requests stay small, and nothing of them is written to the disk.
  service = await startService({ MAX_PARAMETERS: '50000', STORE_MAX_BYTES: '1MiB' });
});
afterAll(() => service.stop());

/** Sends a body and checks that the answer is a file, or a problem that says what is wrong and where. */
async function expectAnAnswer(payload: string): Promise<void> {
  const request = { method: 'POST', url: '/predict' } as const;
  const answer = await service.service.app.inject({
    ...request,
    headers: { 'content-type': 'application/json' },
    payload,
  });
  seen.set(answer.statusCode, (seen.get(answer.statusCode) ?? 0) + 1);
  expect([200, 400, 404, 422]).toContain(answer.statusCode);
  const { statusCode: status, headers } = answer;
  expect(undocumented({ ...request, status, headers, body: status === 200 ? null : answer.body })).toEqual(
    [],
  );
  if (answer.statusCode === 200) {
    expect(answer.rawPayload).toHaveLength(Number(answer.headers['content-length']));
    return;
  }
  const problem = answer.json<{
    status: number;
    detail: string;
    errors?: { path: string; message: string }[];
  }>();
  expect(problem.status).toBe(answer.statusCode);
  expect(problem.detail).not.toBe('');
  if (answer.statusCode !== 422) return;
  expect(problem.errors!.length).toBeGreaterThan(0);
  for (const { path, message } of problem.errors!) {
    expect(path).toMatch(POINTER);
    expect(message.length).toBeGreaterThan(5);
  }
}

describe('no change to a valid request makes the service fail:', () => {
  it('any 10,000 changes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...VALID),
        fc.oneof({ weight: 4, arbitrary: mutations }, { weight: 1, arbitrary: strangeMutations }),
        async (valid, changes) => expectAnAnswer(JSON.stringify(mutate(valid, changes)) ?? ''),
      ),
      { numRuns: 10_000 },
    );
    for (const status of [200, 404, 422]) expect(seen.get(status)).toBeGreaterThan(20);
  }, 300_000);

  it('any cut or garbled text', async () => {
    const text = JSON.stringify(VALID[2]);
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length), fc.nat(20), fc.string({ maxLength: 5 }), (at, length, inserted) =>
        expectAnAnswer(text.slice(0, at) + inserted + text.slice(at + length)),
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ['the body', (nested: string) => nested],
    ['the architecture', (nested: string) => `{"architecture":${nested}}`],
    ['a node', (nested: string) => `{"architecture":{"name":"n","nodes":[${nested}],"edges":[]}}`],
    [
      'a shape',
      (nested: string) =>
        `{"architecture":{"name":"n","nodes":[{"id":"i","op":"conv","weight":{"name":"w","shape":${nested}}}],"edges":[]}}`,
    ],
    ['layers', (nested: string) => `{"architecture":{"name":"n","layers":${nested}}}`],
    ['an option', (nested: string) => `{"architecture":{},"postprocess":${nested}}`],
  ])('nesting 50,000 deep in %s', async (_, body) => {
    const depth = 50_000;
    await expectAnAnswer(body('['.repeat(depth) + ']'.repeat(depth)));
    await expectAnAnswer(body(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`));
  });

  it('and it still works afterwards', async () => {
    const { app, predictor } = service.service;
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    expect(predictor.restarts).toBe(0);
    await expectAnAnswer(JSON.stringify(VALID[0]));
  });
});
