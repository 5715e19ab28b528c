import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

/** As the authors' training script writes them; the one for language models with its authors' last normalisation. */
const LOGAHS = [
  checkpointFile('logah-nano.pt'),
  checkpointFile('logah-1d.pt'),
  `${checkpointFile('logah-gpt.pt')}?normalize=std`,
].join(',');

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

/** Settings of each engine that runs here. WebGPU needs a Vulkan driver (scripts/swiftshader.sh). */
const ENGINES: [title: string, settings: TestSettings][] = [
  ['onnxruntime', { ENGINE: 'onnxruntime' }],
  ['wasm', { ENGINE: 'wasm' }],
];
if (process.env.VK_DRIVER_FILES) {
  ENGINES.push(['onnxruntime on WebGPU', { ENGINE: 'onnxruntime', DEVICE: 'webgpu' }]);
}

describe.each(ENGINES)('POST /predict by the engine %s', (_, settings) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ ...settings, GHN_CHECKPOINTS: `${NANO_GHNS},${LOGAHS}` });
  });
  afterAll(() => service.stop());

  it.each(['ghn3-nano', 'ghn2-nano', 'logah-nano', 'logah-1d', 'logah-gpt'].flatMap(fixturesOf))(
    'answers with what the authors’ %s predicts for %s',
    async (ghn, architecture) => {
      await expectAsTheAuthors(service.url, ghn, architecture);
    },
  );
});

const unavailable = TINY === undefined || !existsSync(TINY);
describe.skipIf(unavailable).each(ENGINES.filter(([title]) => title !== 'wasm'))(
  'with a GHN-3-T by the engine %s (skipped unless GHN_TINY_CHECKPOINT names its file)',
  (_, settings) => {
    let service: TestService;
    beforeAll(async () => {
      service = await startService({ ...settings, GHN_CHECKPOINTS: `ghn3-tiny=${TINY}` });
    });
    afterAll(() => service.stop());

    it.each(fixturesOf('ghn3-tiny'))(
      'answers with what the authors’ %s predicts for %s',
      async (ghn, name) => {
        await expectAsTheAuthors(service.url, ghn, name);
      },
    );
  },
);
