import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildArchitecture } from '../../src/architecture/graph.js';
import type { Engine } from '../../src/engine/engine.js';
import type { Ghn } from '../../src/ghn/ghn.js';
import { fixtureGraph, LIMITS } from '../architecture/fixtures.js';
import { ENGINES } from '../engine/engines.js';
import { compareTensor, expectedPredictions } from '../helpers/compare.js';
import { checkpointFile } from '../helpers/service.js';
import { expand, tensorOf } from '../tensor/arbitrary.js';
import { distance, loadNano } from './loaded.js';
import { randomArchitecture } from './random-architecture.js';
import { ReferenceGhn } from './reference/ghn.js';

const OPTIONS = { predictClassifier: true, seed: 0 };

/** Tolerance of the fixtures. A small GHN in float32 is well within it. Near-constant blocks magnify the rounding. */
const TOLERANCE = 1e-4;

describe.each(['ghn3-nano', 'ghn2-nano'])('the reference of %s', (name) => {
  it('gives the results of the authors’ code', async () => {
    const reference = await ReferenceGhn.load(checkpointFile(`${name}.pt`));
    const architecture = name === 'ghn3-nano' ? 'squeezenet1_1-10' : 'resnet18-10';
    const predicted = reference.predict(buildArchitecture(fixtureGraph(architecture), LIMITS));
    for (const [tensor, expected] of expectedPredictions(name, architecture)) {
      const { shape, blockShape, block } = predicted.get(tensor)!;
      const values = expand(tensorOf(tensor, shape, blockShape, (k) => block[k]));
      expect(compareTensor(values, expected), tensor).toBeLessThan(1e-5);
    }
  });
});

describe.each(ENGINES)('on $title', ({ create }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await create();
  });
  afterAll(() => engine.dispose());

  describe.each(['ghn3-nano', 'ghn2-nano'])('%s', (name) => {
    let ghn: Ghn;
    let reference: ReferenceGhn;
    beforeAll(async () => {
      ghn = await loadNano(`${name}.pt`, engine);
      reference = await ReferenceGhn.load(checkpointFile(`${name}.pt`));
    });

    it('predicts random networks as the reference does', async () => {
      await fc.assert(
        fc.asyncProperty(randomArchitecture, async (architecture) => {
          const predicted = await ghn.predict(architecture, OPTIONS);
          const expected = reference.predict(architecture);
          expect(predicted.map((tensor) => tensor.name)).toEqual([...expected.keys()]);
          for (const tensor of predicted) {
            expect(distance(tensor, expected.get(tensor.name)!), tensor.name).toBeLessThan(TOLERANCE);
          }
        }),
        { numRuns: 40 },
      );
    });
  });

  it.each(['ghn2-s11', 'ghn2-s16'])(
    '%s with the kernels of the GHN-2s for CIFAR-10 and ImageNet is correct',
    async (name) => {
      const ghn = await loadNano(`${name}.pt`, engine);
      const reference = await ReferenceGhn.load(checkpointFile(`${name}.pt`));
      const architecture = buildArchitecture(fixtureGraph('squeezenet1_1-10'), LIMITS);
      const expected = reference.predict(architecture);
      for (const tensor of await ghn.predict(architecture, OPTIONS)) {
        expect(distance(tensor, expected.get(tensor.name)!), tensor.name).toBeLessThan(TOLERANCE);
      }
    },
  );
});
