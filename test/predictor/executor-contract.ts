import { expect, it } from 'vitest';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { type Executor, PredictorUnavailableError } from '../../src/predictor/executor.js';
import { ghnKey, type PredictionJob, type Stage } from '../../src/predictor/protocol.js';
import { LIMITS, tinyGraph } from '../architecture/fixtures.js';

/** Tests that every executor must pass, for one that is ready. */
export function executorContract(executorOf: () => Executor): void {
  const job = (fields: Partial<PredictionJob> = {}): PredictionJob => ({
    ghn: ghnKey(executorOf().description!.ghns[0]),
    architecture: parseArchitecture(tinyGraph(), LIMITS),
    predictClassifier: true,
    seed: 0,
    dtype: 'F32',
    postprocess: null,
    ...fields,
  });

  it('is ready soon when it is ready', () => {
    expect([executorOf().ready, executorOf().readySoon]).toEqual([true, true]);
  });

  it('makes the tensors in order, reports each stage, and computes their statistics', async () => {
    const stages: Stage[] = [];
    const { tensors, applied, statistics, latency } = await executorOf().predict(job(), {
      onStage: (stage) => stages.push(stage),
    });
    expect(stages).toEqual(['graph', 'encode', 'decode']);
    expect(tensors.map(({ name, shape }) => [name, shape.join()])).toEqual([
      ['conv1.weight', '16,3,3,3'],
      ['bn1.weight', '16'],
      ['bn1.bias', '16'],
      ['fc.weight', '10,16'],
      ['fc.bias', '10'],
    ]);
    expect(applied).toBeNull();
    expect(Object.keys(latency)).toEqual(['graph', 'encode', 'decode', 'postprocess']);
    expect(await statistics).toMatchObject({ network: { count: 634 }, overflow: 0 });
  });

  it('leaves the classifier out on request', async () => {
    const { tensors } = await executorOf().predict(job({ predictClassifier: false }));
    expect(tensors.map(({ name }) => name)).toEqual(['conv1.weight', 'bn1.weight', 'bn1.bias']);
  });

  it('gives the same bits for the same job', async () => {
    const [one, two] = [await executorOf().predict(job()), await executorOf().predict(job())];
    expect(two.tensors).toEqual(one.tensors);
  });

  it('refuses a job for another GHN than the planned one, and continues', async () => {
    const other = executorOf().predict(job({ ghn: 'sha256:other {}' }));
    await expect(other).rejects.toThrow(PredictorUnavailableError);
    await expect(other).rejects.toThrow('its checkpoint was replaced');
    expect((await executorOf().predict(job())).tensors).toHaveLength(5);
  });

  it('gives up a cancelled job with the reason, and takes the next', async () => {
    const late = AbortSignal.abort(new Error('too late'));
    await expect(executorOf().predict(job(), { signal: late })).rejects.toThrow('too late');
    const controller = new AbortController();
    const unwanted = executorOf().predict(job(), { signal: controller.signal });
    controller.abort(new Error('not wanted any more'));
    await expect(unwanted).rejects.toThrow('not wanted any more');
    expect((await executorOf().predict(job())).tensors).toHaveLength(5);
  });
}
