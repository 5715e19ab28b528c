import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Admission } from '../../src/predictions/admission.js';
import { MemoryBoard } from '../../src/predictions/board/memory-board.js';
import { CancelledError, NotFoundError, NotReadyError } from '../../src/predictions/errors.js';
import { planHere } from '../../src/predictions/planning/planner.js';
import { Predictions } from '../../src/predictions/predictions.js';
import type { ReadyPrediction } from '../../src/predictions/ready-prediction.js';
import { readPredictRequest } from '../../src/predictions/request.js';
import { TfjsModels } from '../../src/predictions/tfjs.js';
import { PredictorUnavailableError } from '../../src/predictor/executor.js';
import { StatisticsLanes } from '../../src/statistics/lanes.js';
import { elements } from '../../src/tensor/tensor.js';
import { LIMITS, tinyGraph } from '../architecture/fixtures.js';
import { kerasFixture } from '../helpers/keras.js';
import { FakeExecutor } from '../predictor/fake-executor.js';
import { flipBitOf, openStore, temporaryDirectory } from '../store/directory/setup.js';

const request = (fields: object = {}) => readPredictRequest({ architecture: tinyGraph(), ...fields }, LIMITS);
const client = () => new AbortController();
const GONE = new Error('the client has gone');

/** Predictions over a real store and an executor in the test's hands; `remade` counts what was made again. */
async function predictionsOf(folder?: string) {
  const directory = folder ?? (await temporaryDirectory());
  const { store } = await openStore(directory);
  const executor = new FakeExecutor();
  const seen = { remade: 0 };
  const observer = {
    made() {},
    failed() {},
    shared() {},
    storeFailed() {},
    committed() {},
    takenOver() {},
    remade: () => void seen.remade++,
  };
  const admission = new Admission({
    maxQueue: 64,
    maxWaitMilliseconds: 1e9,
    memoryBytes: () => 1e12,
    crowdedAnswers: () => 0,
    onRefusal: () => {},
  });
  const predictions = new Predictions({
    executor,
    works: true,
    store,
    board: new MemoryBoard({ admission, executor, observer }),
    statistics: new StatisticsLanes(),
    limits: LIMITS,
    timeoutMilliseconds: 60_000,
    observer,
  });
  onTestFinished(() => predictions.settle());
  const predict = (fields = {}, { signal } = client()) => predictions.predict(request(fields), signal);
  return { directory, executor, predictions, predict, seen };
}

/** All values, by tensor, and the prediction let go of. */
async function valuesOf({ tensors, release }: ReadyPrediction) {
  const values: Record<string, number[]> = {};
  for (const { name, blockShape, readBlock } of tensors) {
    values[name] = [...(await readBlock(0, elements(blockShape)))];
  }
  release();
  return values;
}

describe('a prediction', () => {
  it('is made once for all clients that ask at the same time, and later ones find it in the store', async () => {
    const { executor, predictions, predict } = await predictionsOf();
    const open = executor.hold();
    const asked = Promise.all([predict(), predict(), predict()]);
    await expect.poll(() => executor.jobs).toBe(1);
    open();
    const made = await asked;
    const [values, ...others] = await Promise.all(made.map(valuesOf));
    for (const other of others) expect(other).toEqual(values);
    await predictions.record(made[0].record.id);
    const stored = await predict();
    expect(stored).toMatchObject({ cached: true, record: { generation: made[0].record.generation } });
    expect(await valuesOf(stored)).toEqual(values);
    expect(executor.jobs).toBe(1);
  });

  it('is given up when the last waiting client has left, and made for the next', async () => {
    const { executor, predictions, predict } = await predictionsOf();
    const open = executor.hold();
    const [one, two] = [client(), client()];
    const waits = [predict({}, one), predict({}, two)];
    await expect.poll(() => executor.jobs).toBe(1);
    const { id } = (await predictions.list({ limit: 1 })).records[0];
    one.abort(GONE);
    await expect(waits[0]).rejects.toBe(GONE);
    expect(await predictions.progress(id)).toMatchObject({ status: 'running' });
    two.abort(GONE);
    await expect(waits[1]).rejects.toBe(GONE);
    await expect.poll(async () => (await predictions.progress(id))?.error?.code).toBe('cancelled');
    await expect(predictions.open(id)).rejects.toThrow(NotReadyError);
    open();
    const again = await predict();
    expect(again.record.id).toBe(id);
    again.release();
    expect(executor.jobs).toBe(2);
  });

  it('continues for asynchronous clients until it is deleted', async () => {
    const { executor, predictions, predict } = await predictionsOf();
    const open = executor.hold();
    const { id } = await predictions.begin(request());
    const waiting = predict();
    await expect.poll(() => executor.jobs).toBe(1);
    // Until it waits for the one that is made.
    await setImmediate();
    await predictions.delete(id);
    await expect(waiting).rejects.toThrow(CancelledError);
    expect(await predictions.progress(id)).toMatchObject({ status: 'cancelled' });
    await predictions.delete(id);
    await expect(predictions.record(id)).rejects.toThrow(NotFoundError);
    open();
  });

  it('that failed is reported, and made again on request', async () => {
    const { executor, predictions, predict } = await predictionsOf();
    executor.failNext(new PredictorUnavailableError('the engine’s process ended'));
    await expect(predict()).rejects.toThrow('the engine’s process ended');
    const { records } = await predictions.list({ limit: 1, status: 'failed' });
    expect(records[0].error).toEqual({ code: 'engine_unavailable', message: 'the engine’s process ended' });
    (await predict()).release();
    expect(await predictions.record(records[0].id)).toMatchObject({ status: 'succeeded', error: null });
  });

  it('that was made again after its deletion has the same id and another generation', async () => {
    const { predictions, predict } = await predictionsOf();
    const first = await predict();
    first.release();
    const { id } = await predictions.record(first.record.id);
    await predictions.delete(id);
    const again = await predict();
    again.release();
    expect(again.record.id).toBe(id);
    expect(again.record.generation).toMatch(/^[0-9a-f]{16}$/);
    expect(again.record.generation).not.toBe(first.record.generation);
  });

  it('that turns out corrupt is made again for its reader, with the same bits', async () => {
    const before = await predictionsOf();
    const made = await before.predict();
    const values = await valuesOf(made);
    await before.predictions.settle();
    await flipBitOf(before.directory, made.record.id, 'blocks.bin');
    const { executor, predict, seen } = await predictionsOf(before.directory);
    expect(await valuesOf(await predict())).toEqual(values);
    expect(seen.remade).toBe(1);
    expect(executor.jobs).toBe(1);
  });

  it('under another id of the GHN is another one, and one without an id is found under no id', async () => {
    const { predict } = await predictionsOf();
    const [unnamed, named] = [await predict(), await predict({ ghn: 'fake' })];
    expect(named.record.id).not.toBe(unnamed.record.id);
    expect(unnamed.record.request.ghn).toBeNull();
    expect(named.record.request.ghn).toBe('fake');
    expect(await valuesOf(named)).toEqual(await valuesOf(unnamed));
    await expect(predict({ ghn: 'other' })).rejects.toThrow(NotFoundError);
  });
});

describe('a prediction as a TensorFlow.js model', () => {
  it.each([
    ['given as Keras', { keras: kerasFixture('resnet.keras3').model }],
    ['not given as Keras', tinyGraph()],
  ])('is converted once, however often it is requested: %s', async (_, architecture) => {
    const { predictions, predict } = await predictionsOf();
    const made = await predict({ architecture });
    made.release();
    await predictions.record(made.record.id);
    let read = 0;
    const models = new TfjsModels({
      open: (id) => predictions.open(id),
      kerasModel: (id) => {
        read++;
        return predictions.kerasModel(id);
      },
      planner: planHere,
    });
    const { signal } = client();
    const answers = await Promise.allSettled([1, 2, 3].map(() => models.open(made.record.id, signal)));
    answers.push(...(await Promise.allSettled([models.open(made.record.id, signal)])));
    expect(new Set(answers.map(({ status }) => status)).size).toBe(1);
    for (const answer of answers) if (answer.status === 'fulfilled') answer.value.release();
    expect(read).toBe(1);
  });
});
