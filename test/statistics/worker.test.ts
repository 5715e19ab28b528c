import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { PlainProducts } from '../../src/postprocess/plain-products.js';
import { networkStatistics } from '../../src/statistics/network.js';
import { statisticsSchema } from '../../src/statistics/schema.js';
import { tensorStatistics } from '../../src/statistics/tensor-statistics.js';
import { StatisticsUnavailableError, StatisticsWorker } from '../../src/statistics/worker.js';
import { tensorSource } from '../../src/tensor/tensor.js';
import { storedSource, tensorOf } from '../tensor/arbitrary.js';
import { relativeError } from './numpy.js';

const tensors = [
  tensorOf('conv.weight', [40, 30, 3, 3], [16, 16, 3, 3], Math.sin),
  tensorOf('tall.weight', [700, 8], [700, 8], Math.cos),
  tensorOf('bn.bias', [40], [16]),
  tensorOf('broken.weight', [2, 2], [2, 2], () => Number.NaN),
];

const worker = new StatisticsWorker();
afterAll(() => worker.close());

describe('the statistics’ process', () => {
  test('computes the same as this process, for each tensor in order and for all together', async () => {
    const { network, tensors: answers } = await worker.compute(tensors.map(storedSource));
    expect(statisticsSchema.parse({ network, tensors: answers })).toEqual({ network, tensors: answers });
    expect(network).toEqual(await networkStatistics(tensors.map(tensorSource)));
    for (const [index, tensor] of tensors.entries()) {
      const { effective_rank, mean_abs_cosine, ...rest } = await tensorStatistics(
        tensor,
        new PlainProducts(),
      );
      expect(answers[index]).toMatchObject(rest);
      expect(relativeError(answers[index].effective_rank, effective_rank)).toBeLessThan(1e-6);
      expect(relativeError(answers[index].mean_abs_cosine, mean_abs_cosine)).toBeLessThan(1e-9);
    }
  });

  test('keeps networks apart that are requested at the same time', async () => {
    const answers = await Promise.all(tensors.map((tensor) => worker.compute([storedSource(tensor)])));
    for (const [
      index,
      {
        network,
        tensors: [only],
      },
    ] of answers.entries()) {
      expect(only.name).toBe(tensors[index].name);
      expect(network).toEqual(await networkStatistics([tensorSource(tensors[index])]));
    }
  });

  test('stops when the signal is aborted, and continues with the next request', async () => {
    const controller = new AbortController();
    const reason = new Error('the client is gone');
    const read: string[] = [];
    const sources = tensors.map((tensor) => ({
      ...storedSource(tensor),
      readBlock: async () => {
        read.push(tensor.name);
        if (read.length === 2) controller.abort(reason);
        return tensor.block;
      },
    }));
    await expect(worker.compute(sources, controller.signal)).rejects.toBe(reason);
    expect(read).toHaveLength(2);
    await expect(worker.compute(sources, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect((await worker.compute([tensorSource(tensors[2])])).network.count).toBe(40);
  });

  test('does not finish a large tensor without a client, so others need not wait for it', async () => {
    const controller = new AbortController();
    // Its singular values take longer than a test may.
    const large = tensorOf('large.weight', [2500, 2500], [2500, 2500], Math.sin);
    const underWay = worker.compute([tensorSource(large)], controller.signal);
    const others = tensors.map((tensor) => worker.compute([tensorSource(tensor)]));
    // By now it has been sent.
    await setTimeout(500);
    controller.abort(new Error('the client is gone'));
    await expect(underWay).rejects.toThrow('the client is gone');
    for (const [index, other] of others.entries()) {
      expect((await other).tensors[0].name).toBe(tensors[index].name);
    }
  });

  test('reports that a block cannot be read', async () => {
    const source = {
      ...storedSource(tensors[0]),
      readBlock: async () => {
        throw new Error('the file is damaged');
      },
    };
    await expect(worker.compute([source])).rejects.toThrow('the file is damaged');
  });

  test('accepts nothing once it is closed, and running computations fail', async () => {
    const closing = new StatisticsWorker();
    const large = tensorOf('large.weight', [1500, 1500], [1500, 1500], Math.sin);
    const underWay = closing.compute([tensorSource(large)]);
    const failed = expect(underWay).rejects.toThrow(StatisticsUnavailableError);
    await closing.close();
    await failed;
    await expect(closing.compute([])).rejects.toThrow(StatisticsUnavailableError);
  });
});
