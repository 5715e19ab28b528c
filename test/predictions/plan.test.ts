import { describe, expect, it } from 'vitest';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { NotFoundError } from '../../src/predictions/errors.js';
import { findGhn, plan } from '../../src/predictions/plan.js';
import { readPredictRequest } from '../../src/predictions/request.js';
import { ghnKey, type PredictorDescription } from '../../src/predictor/protocol.js';
import { LIMITS, tinyGraph } from '../architecture/fixtures.js';
import { FakeExecutor } from '../predictor/fake-executor.js';

const { description } = new FakeExecutor();
const [ghn] = description.ghns;

const planned = (fields: object = {}, changes: Partial<PredictorDescription> = {}, by = ghn) => {
  const request = readPredictRequest({ architecture: tinyGraph(), ...fields }, LIMITS);
  return plan(request, parseArchitecture(tinyGraph(), LIMITS), 2, by, { ...description, ...changes });
};
const idOf = (...given: Parameters<typeof planned>) => planned(...given).record.id;

describe('a plan', () => {
  it('is a queued record, a job for the currently loaded GHN, and a cost', () => {
    const { record, work, cost } = planned({ seed: 3 });
    expect(record).toMatchObject({ status: 'queued', generation: null, digest: null, error: null });
    expect(record.request).toMatchObject({ ghn: null, seed: 3 });
    expect(record.latency_ms).toMatchObject({ parse: 2, total: 2 });
    expect(work).toMatchObject({ ghn: ghnKey(ghn), seed: 3, postprocess: null });
    expect(cost.resultBytes).toBeGreaterThan(0);
  });

  it('has another id with another library of products, if the weights are post-processed', () => {
    const products = 'TypeScript';
    const postprocess = { orthogonalize: true };
    expect(idOf({ postprocess }, { products })).not.toBe(idOf({ postprocess }));
    expect(idOf({}, { products })).toBe(idOf());
  });

  it('has the id of its GHN’s weights and sizes, whatever the GHN is called', () => {
    expect(idOf({}, {}, { ...ghn, id: 'otherwise' })).toBe(idOf());
    expect(idOf({}, {}, { ...ghn, digest: 'sha256:other' })).not.toBe(idOf());
    expect(idOf({}, {}, { ...ghn, config: { ...ghn.config, layerNorm: false } })).not.toBe(idOf());
  });

  it('has an id that does not depend on the reason for the engine, nor on its card', () => {
    const engine = { ...description.engine, reason: 'another', card: { name: 'card', memoryBytes: 1 } };
    expect(idOf({}, { engine })).toBe(idOf());
    expect(idOf({}, { engine: { ...engine, device: 'cuda' } })).not.toBe(idOf());
  });

  it('uses the named GHN, otherwise the first', () => {
    const ghns = [ghn, { ...ghn, id: 'second' }];
    expect(findGhn(ghns, undefined)).toBe(ghns[0]);
    expect(findGhn(ghns, 'second')).toBe(ghns[1]);
    expect(() => findGhn(ghns, 'secnd')).toThrow(NotFoundError);
    expect(() => findGhn(ghns, 'secnd')).toThrow('second');
  });
});
