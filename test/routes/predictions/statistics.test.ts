import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Statistics, statisticsSchema } from '../../../src/statistics/schema.js';
import { type Dtype, rounded as roundedTo } from '../../../src/tensor/dtype.js';
import { fixtureGraph } from '../../architecture/fixtures.js';
import { json, predicted, tensorsOf } from '../../helpers/http.js';
import { startService, type TestService } from '../../helpers/service.js';
import { relativeError } from '../../statistics/numpy.js';

const architecture = fixtureGraph('squeezenet1_1-10');

let service: TestService;
let prediction: string;
let statistics: Statistics;
beforeAll(async () => {
  service = await startService();
  prediction = await predicted(service.url, { architecture });
  statistics = await json<Statistics>(`${prediction}/statistics`);
});
afterAll(() => service.stop());

/** Computes moments in float64 by their definitions. */
function moments(values: Float32Array) {
  let [sum, squares, min, max, zeros] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
    min = Math.min(min, value);
    max = Math.max(max, value);
    if (value === 0) zeros++;
  }
  const mean = sum / values.length;
  let deviations = 0;
  for (const value of values) deviations += (value - mean) ** 2;
  return {
    count: values.length,
    mean,
    std: Math.sqrt(deviations / values.length),
    min,
    max,
    l2: Math.sqrt(squares),
    zeros,
  };
}

function expectMoments(found: Statistics['network'], values: Float32Array, title: string): void {
  const { mean, std, l2, ...exact } = moments(values);
  expect(found, title).toMatchObject(exact);
  expect(relativeError(found.std, std), title).toBeLessThan(1e-5);
  expect(relativeError(found.l2, l2), title).toBeLessThan(1e-5);
  expect(Math.abs(found.mean! - mean), title).toBeLessThan(1e-5 * std);
}

describe('GET /predictions/{id}/statistics', () => {
  it('equals that of the downloaded bytes, for each tensor and in total', async () => {
    expect(statisticsSchema.parse(statistics)).toEqual(statistics);
    const tensors = await tensorsOf(await fetch(`${prediction}/weights`));
    expect(statistics.tensors.map(({ name }) => name)).toEqual([...tensors.keys()]);
    for (const tensor of statistics.tensors) {
      expectMoments(tensor, tensors.get(tensor.name)!, tensor.name);
      const { edges, counts } = tensor.histogram!;
      expect(edges).toHaveLength(33);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(tensor.count);
    }
    const all = new Float32Array(statistics.network.count);
    let at = 0;
    for (const values of tensors.values()) {
      all.set(values, at);
      at += values.length;
    }
    expect(at).toBe(all.length);
    expectMoments(statistics.network, all, 'all tensors');
  });

  it.each(['F16', 'BF16'])('is for the rounded values if %s was requested', async (dtype) => {
    const rounded = await predicted(service.url, { architecture, dtype });
    const { tensors, network } = await json<Statistics>(`${rounded}/statistics`);
    const whole = await tensorsOf(await fetch(`${prediction}/weights`));
    for (const tensor of tensors) {
      expectMoments(tensor, roundedTo(whole.get(tensor.name)!, dtype as Dtype), tensor.name);
    }
    expect(network.min).toBe(Math.min(...tensors.map(({ min }) => min!)));
    expect(await json(rounded)).toMatchObject({ statistics: network });
  });

  it('agrees with the record', async () => {
    const record = await json<{ statistics: Statistics['network'] }>(prediction);
    expect(record.statistics).toEqual(statistics.network);
  });

  it('is null if a number is not defined', () => {
    for (const { shape, effective_rank, mean_abs_cosine } of statistics.tensors) {
      expect(effective_rank === null).toBe(shape.length === 1);
      expect(mean_abs_cosine === null).toBe(shape.length === 1);
    }
  });

  it('shows that post-processing restores the diversity that predicted weights lack', async () => {
    const processed = await predicted(service.url, {
      architecture,
      postprocess: { noise: 3e-5, orthogonalize: true },
    });
    const after = await json<Statistics>(`${processed}/statistics`);
    // A tiled weight: it has at least 64 outputs, and the GHN has 32 channels.
    const name = 'features.3.expand3x3.weight';
    const of = (from: Statistics) => from.tensors.find((tensor) => tensor.name === name)!;
    const [before, restored] = [of(statistics), of(after)];
    const full = Math.min(
      before.shape[0],
      before.shape.slice(1).reduce((a, b) => a * b),
    );
    expect(before.effective_rank).toBeLessThan(full / 2);
    expect(restored.effective_rank).toBeCloseTo(full, 2);
    expect(restored.mean_abs_cosine).toBeLessThan(before.mean_abs_cosine! / 10);
  });

  it('is not found for an unknown prediction', async () => {
    expect((await request(service.url).get('/predictions/abc/statistics')).status).toBe(404);
  });
});
