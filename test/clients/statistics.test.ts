import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NetworkStatistics, Statistics, TensorStatistics } from '../../src/statistics/schema.js';
import { startService, type TestService } from '../helpers/service.js';
import { download, getJson, getRecord, network, type Postprocess, predicted } from './prediction.js';
import { GHN_CHECKPOINTS, networks } from './proof.js';
import { findPython } from './python.js';

const NETWORKS = networks(
  ['squeezenet1_1-10', 'mobilenet_v3_small-10'],
  ['resnet50', 'convnext_base', 'efficientnet_b0', 'swin_t'],
);
const TREATMENTS: readonly { how: string; postprocess?: Postprocess }[] = [
  { how: 'as predicted' },
  { how: 'orthogonal and noisy', postprocess: { noise: 0.01, orthogonalize: true, seed: 7 } },
];
const CASES = NETWORKS.flatMap((name) => TREATMENTS.map((treatment) => ({ name, ...treatment })));

const MOMENTS_TOLERANCE = 1e-5;
const DIVERSITY_TOLERANCE = 1e-3;

/** numpy takes minutes for the singular values of a full run's networks. */
const TIMEOUT_MS = 1_800_000;

const python = findPython('numpy', 'safetensors');

describe.skipIf(python.missing !== '')(`numpy${python.missing}`, () => {
  let service: TestService;
  let folder: string;

  beforeAll(async () => {
    service = await startService({ GHN_CHECKPOINTS });
    folder = await mkdtemp(join(tmpdir(), 'ghn-serve-statistics-'));
  });

  afterAll(async () => {
    await service.stop();
    await rm(folder, { recursive: true });
  });

  it.each(CASES)(
    'computes from the downloaded weights of $name, $how, the statistics that the service gives',
    async ({ name, postprocess }) => {
      const prediction = await predicted(service.url, { architecture: network(name), postprocess });
      const file = join(folder, 'weights.safetensors');
      await download(`${prediction}/weights`, file);
      const expected = await python.run<Statistics>('tensor_statistics.py', file);
      const told = await getJson<Statistics>(`${prediction}/statistics`);
      expect(told.tensors.map(({ name }) => name)).toEqual(expected.tensors.map(({ name }) => name));
      expectMoments(told.network, expected.network, 'the network');
      expectMoments((await getRecord(prediction)).statistics!, expected.network, 'the record');
      told.tensors.forEach((tensor, index) => {
        expectMoments(tensor, expected.tensors[index], tensor.name);
        expectRest(tensor, expected.tensors[index]);
      });
    },
    TIMEOUT_MS,
  );
});

/**
 * Compares moments relatively. The error of a mean that is small beside the standard deviation is relative to the
 * latter. The extremes are exact.
 */
function expectMoments(told: NetworkStatistics, expected: NetworkStatistics, what: string): void {
  const { count, zeros, min, max } = expected;
  expect({ count: told.count, zeros: told.zeros, min: told.min, max: told.max }, what).toEqual({
    count,
    zeros,
    min,
    max,
  });
  const spread = Math.max(Math.abs(expected.mean!), expected.std!);
  expect(Math.abs(told.mean! - expected.mean!), `${what}: mean`).toBeLessThanOrEqual(
    MOMENTS_TOLERANCE * spread,
  );
  expect(Math.abs(told.std! - expected.std!), `${what}: std`).toBeLessThanOrEqual(
    MOMENTS_TOLERANCE * expected.std!,
  );
  expect(Math.abs(told.l2! - expected.l2!), `${what}: l2`).toBeLessThanOrEqual(
    MOMENTS_TOLERANCE * expected.l2!,
  );
}

function expectRest(told: TensorStatistics, expected: TensorStatistics): void {
  const { name } = told;
  expect(told.shape, name).toEqual(expected.shape);
  expect(told.histogram!.counts, `${name}: counts`).toEqual(expected.histogram!.counts);
  const width = expected.max! - expected.min! || 1;
  told.histogram!.edges.forEach((edge, index) => {
    expect(Math.abs(edge - expected.histogram!.edges[index]), `${name}: edge ${index}`).toBeLessThanOrEqual(
      MOMENTS_TOLERANCE * width,
    );
  });
  for (const key of ['effective_rank', 'mean_abs_cosine'] as const) {
    if (expected[key] === null) expect(told[key], `${name}: ${key}`).toBeNull();
    else
      expect(Math.abs(told[key]! - expected[key]), `${name}: ${key}`).toBeLessThanOrEqual(
        DIVERSITY_TOLERANCE * expected[key],
      );
  }
}
