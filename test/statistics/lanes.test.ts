import { afterAll, expect, test } from 'vitest';
import { StatisticsLanes } from '../../src/statistics/lanes.js';
import { StatisticsUnavailableError } from '../../src/statistics/worker.js';
import { tensorSource } from '../../src/tensor/tensor.js';
import { tensorOf } from '../tensor/arbitrary.js';

const lanes = new StatisticsLanes();
afterAll(() => lanes.close());

test('statistics of large networks do not delay those of small ones, and are refused if there are too many', async () => {
  const large = tensorSource(tensorOf('large', [5000, 5000], [5000, 5000], Math.sin));
  const controller = new AbortController();
  const underWay = Promise.allSettled(
    Array.from({ length: 4 }, () => lanes.compute([large], controller.signal)),
  );
  await expect(lanes.compute([large])).rejects.toThrow(StatisticsUnavailableError);
  // Each of the large ones takes longer than a test may.
  const { network } = await lanes.compute([tensorSource(tensorOf('small', [4, 4]))]);
  expect(network.count).toBe(16);
  controller.abort(new Error('the client is gone'));
  expect((await underWay).map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
});
