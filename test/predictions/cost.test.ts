import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildArchitecture } from '../../src/architecture/graph.js';
import type { Engine, EngineLimits } from '../../src/engine/engine.js';
import { createOnnxruntimeEngine } from '../../src/engine/onnxruntime/engine.js';
import { selectProducts } from '../../src/engine/select.js';
import { type GhnConfig, readCheckpoint } from '../../src/ghn/checkpoint.js';
import type { Ghn } from '../../src/ghn/ghn.js';
import { loadGhn } from '../../src/ghn/load.js';
import { postprocess } from '../../src/postprocess/postprocess.js';
import { touched } from '../../src/postprocess/touched.js';
import { predictionCost } from '../../src/predictions/cost.js';
import type { PredictionJob } from '../../src/predictor/protocol.js';
import { FIXTURE_NAMES, fixtureGraph, LIMITS } from '../architecture/fixtures.js';
import { checkpointFile } from '../helpers/service.js';

const FILES = ['ghn2-nano.pt', 'ghn3-nano.pt'];
const LIMITS_OF_ENGINE = { scoresAtOnce: 2 ** 24, headsAtOnce: null };
const NOISY = { noise: 1e-3, orthogonalize: false, fromLayer: 0, minChannels: 0, seed: 0 };

const ghns = new Map<string, { ghn: Ghn; config: GhnConfig }>();
beforeAll(async () => {
  const engine: Engine = await createOnnxruntimeEngine();
  for (const file of FILES) {
    const checkpoint = await readCheckpoint(checkpointFile(file));
    ghns.set(file, { ghn: await loadGhn(checkpoint, engine), config: checkpoint.config });
  }
});

const job = (name: string, fields: Partial<PredictionJob> = {}): PredictionJob => ({
  ghn: '',
  architecture: buildArchitecture(fixtureGraph(name), LIMITS),
  predictClassifier: true,
  seed: 0,
  dtype: 'F32',
  postprocess: null,
  ...fields,
});

const bytesOf = (tensors: readonly { block: Float32Array }[]) =>
  tensors.reduce((sum, { block }) => sum + block.byteLength, 0);

describe('the predicted size of the result', () => {
  it.each(FILES.flatMap((file) => FIXTURE_NAMES.map((name) => [file, name] as const)))(
    'with %s of %s is at least the actual size, and little more',
    async (file, name) => {
      const { ghn, config } = ghns.get(file)!;
      for (const predictClassifier of [true, false]) {
        const asked = job(name, { predictClassifier });
        const bytes = bytesOf(await ghn.predict(asked.architecture, { predictClassifier, seed: 0 }));
        const { resultBytes } = predictionCost(asked, config, LIMITS_OF_ENGINE);
        expect(resultBytes).toBeGreaterThanOrEqual(bytes);
        expect(resultBytes).toBeLessThanOrEqual(1.1 * bytes);
      }
    },
  );

  it('is that of whole tensors if they are post-processed', async () => {
    const { ghn, config } = ghns.get('ghn3-nano.pt')!;
    const asked = job('squeezenet1_1-10', { postprocess: NOISY });
    const predicted = await ghn.predict(asked.architecture, { predictClassifier: true, seed: 0 });
    const names = touched(asked.architecture, NOISY);
    const { tensors } = await postprocess(predicted, names, NOISY, await selectProducts());
    const { resultBytes } = predictionCost(asked, config, LIMITS_OF_ENGINE);
    expect(resultBytes).toBeGreaterThanOrEqual(bytesOf(tensors));
    expect(resultBytes).toBeLessThanOrEqual(1.1 * bytesOf(tensors));
  });

  it('is not larger if post-processing changes nothing', () => {
    const { config } = ghns.get('ghn3-nano.pt')!;
    const nothing = { ...NOISY, noise: 0 };
    expect(predictionCost(job('resnet50', { postprocess: nothing }), config, LIMITS_OF_ENGINE)).toEqual(
      predictionCost(job('resnet50'), config, LIMITS_OF_ENGINE),
    );
  });
});

describe('the predicted work', () => {
  /** A chain of equal convolutions. */
  const chain = (length: number, channels: number) => {
    const nodes = Array.from({ length }, (_, k) => ({
      id: `conv${k}`,
      op: 'conv' as const,
      weight: { name: `conv${k}.weight`, shape: [channels, channels, 3, 3] },
    }));
    const ids = ['input', ...nodes.map(({ id }) => id)];
    const edges = ids.slice(1).map((id, k): [string, string] => [ids[k], id]);
    const graph = { name: 'chain', nodes: [{ id: 'input', op: 'input' as const }, ...nodes], edges };
    return { ...job('alexnet'), architecture: buildArchitecture(graph, LIMITS) };
  };

  it('grows with the nodes and the channels, and is finite', () => {
    const { config } = ghns.get('ghn3-nano.pt')!;
    const sizes = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 100 }));
    fc.assert(
      fc.property(sizes, ([length, channels]) => {
        const { work, workBytes } = predictionCost(chain(length, channels), config, LIMITS_OF_ENGINE);
        const more = predictionCost(chain(length + 1, channels + 1), config, LIMITS_OF_ENGINE);
        for (const part of Object.keys(work) as (keyof typeof work)[]) {
          expect(Number.isFinite(work[part])).toBe(true);
          expect(more.work[part]).toBeGreaterThanOrEqual(work[part]);
        }
        expect(more.workBytes).toBeGreaterThanOrEqual(workBytes);
      }),
      { numRuns: 30 },
    );
  });

  it('needs no more memory than the engine uses at once', () => {
    const { config } = ghns.get('ghn3-nano.pt')!;
    const bytes = (limits: EngineLimits) => predictionCost(chain(3000, 1), config, limits).workBytes;
    const all = bytes({ scoresAtOnce: Number.MAX_SAFE_INTEGER, headsAtOnce: null });
    const oneHead = bytes({ scoresAtOnce: Number.MAX_SAFE_INTEGER, headsAtOnce: 1 });
    const few = bytes({ scoresAtOnce: 2 ** 20, headsAtOnce: null });
    expect(all).toBeGreaterThan(7 * (oneHead - few));
    expect(oneHead).toBeGreaterThan(few);
  });

  it('includes post-processing only if it is requested, and more to make weights orthogonal', () => {
    const { config } = ghns.get('ghn3-nano.pt')!;
    const work = (options: PredictionJob['postprocess']) =>
      predictionCost(job('resnet18-10', { postprocess: options }), config, LIMITS_OF_ENGINE).work.postprocess;
    expect(work(null)).toBe(0);
    expect(work(NOISY)).toBeGreaterThan(0);
    expect(work({ ...NOISY, orthogonalize: true })).toBeGreaterThan(work(NOISY));
  });
});
