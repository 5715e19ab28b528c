import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixtureGraph } from '../architecture/fixtures.js';
import { compareTensor, expectedPredictions } from '../helpers/compare.js';
import { post } from '../helpers/http.js';
import { streamedTensors } from '../helpers/safetensors-stream.js';
import {
  checkpointFile,
  NANO_GHNS,
  startService,
  type TestService,
  type TestSettings,
} from '../helpers/service.js';

/**
 * Checkpoints as the authors' training script writes them; the one for language models has its authors' last
 * normalisation.
 */
const LOGAHS = [
  checkpointFile('logah-nano.pt'),
  checkpointFile('logah-1d.pt'),
  `${checkpointFile('logah-gpt.pt')}?normalize=std`,
].join(',');

/** Tolerance in standard deviations of each tensor. */
const TOLERANCE = 1e-4;

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

/** Predicts every fixture of these GHNs with a new service, and compares each tensor with the authors' numbers. */
export function answersAsTheAuthors(settings: TestSettings, ghns: readonly string[]): void {
  let service: TestService;
  beforeAll(async () => {
    service = await startService(settings);
  });
  afterAll(() => service.stop());

  it.each(ghns.flatMap(fixturesOf))(
    'answers with the predictions of the authors’ %s for %s',
    async (ghn, architecture) => {
      await expectAsTheAuthors(service.url, ghn, architecture);
    },
  );
}

/** Compares the fixtures of the small GHNs in the tests: a GHN-3, a GHN-2 and three LoGAHs. */
export function answersAsTheSmallGhns(settings: TestSettings): void {
  answersAsTheAuthors({ ...settings, GHN_CHECKPOINTS: `${NANO_GHNS},${LOGAHS}` }, [
    'ghn3-nano',
    'ghn2-nano',
    'logah-nano',
    'logah-1d',
    'logah-gpt',
  ]);
}
