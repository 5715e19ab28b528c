import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureGraph } from '../architecture/fixtures.js';
import { compareTensor, expectedPredictions } from '../helpers/compare.js';
import { post } from '../helpers/http.js';
import { streamedTensors } from '../helpers/safetensors-stream.js';
import { startService, type TestService } from '../helpers/service.js';

/** In standard deviations of each tensor. */
const TOLERANCE = 1e-4;

/** GHN_TINY_CHECKPOINT: the file of a GHN of the published GHN-3-T's size, 27 MB, which is not among the fixtures. */
const TINY = process.env.GHN_TINY_CHECKPOINT;

const fixturesOf = (ghn: string) =>
  readdirSync(new URL(`../fixtures/predictions/${ghn}/`, import.meta.url)).map((file) => [
    ghn,
    file.replace('.json', ''),
  ]);

async function expectAsTheAuthors(url: string, ghn: string, architecture: string): Promise<void> {
  const response = await post(url, { ghn, architecture: fixtureGraph(architecture) });
  expect(response.status).toBe(200);
  const expected = expectedPredictions(ghn, architecture);
  const found = new Set<string>();
  for await (const { name, dtype, shape, bytes } of streamedTensors(response.body!)) {
    const tensor = expected.get(name);
    expect(tensor, name).toBeDefined();
    expect({ name, dtype, shape }).toEqual({ name, dtype: 'F32', shape: tensor!.shape });
    expect(compareTensor(new Float32Array(bytes.buffer), tensor!), name).toBeLessThan(TOLERANCE);
    found.add(name);
  }
  expect(found).toEqual(new Set(expected.keys()));
}

describe.each(['onnxruntime', 'wasm'])('POST /predict by the engine %s', (engine) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ ENGINE: engine });
  });
  afterAll(() => service.stop());

  it.each([...fixturesOf('ghn3-nano'), ...fixturesOf('ghn2-nano')])(
    'answers with what the authors’ %s predicts for %s',
    async (ghn, architecture) => {
      await expectAsTheAuthors(service.url, ghn, architecture);
    },
  );
});

const unavailable = TINY === undefined || !existsSync(TINY);
describe.skipIf(unavailable)('with a GHN-3-T (skipped unless GHN_TINY_CHECKPOINT names its file)', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ GHN_CHECKPOINTS: `ghn3-tiny=${TINY}` });
  });
  afterAll(() => service.stop());

  it.each(fixturesOf('ghn3-tiny'))('answers with what the authors’ %s predicts for %s', async (ghn, name) => {
    await expectAsTheAuthors(service.url, ghn, name);
  });
});
