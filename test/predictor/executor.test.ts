import { afterAll, beforeAll, describe } from 'vitest';
import { Predictor } from '../../src/predictor/predictor.js';
import { checkpointFile } from '../helpers/service.js';
import { executorContract } from './executor-contract.js';
import { FakeExecutor } from './fake-executor.js';

describe('the engine’s process as an executor', () => {
  let predictor: Predictor;
  beforeAll(async () => {
    predictor = new Predictor({
      engine: { engine: 'onnxruntime', device: 'cpu' },
      checkpoints: [{ id: 'three', path: checkpointFile('ghn3-nano.pt') }],
    });
    predictor.start();
    await predictor.started;
  });
  afterAll(() => predictor.close());
  executorContract(() => predictor);
});

describe('the tests’ own executor', () => {
  const executor = new FakeExecutor();
  executorContract(() => executor);
});
