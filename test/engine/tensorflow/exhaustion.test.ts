import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseArchitecture } from '../../../src/architecture/parse.js';
import type { Graph } from '../../../src/architecture/schema.js';
import { isOutOfMemory } from '../../../src/engine/out-of-memory.js';
import { createTensorflowEngine } from '../../../src/engine/tensorflow/engine.js';
import { readCheckpoint } from '../../../src/ghn/checkpoint.js';
import { loadGhn } from '../../../src/ghn/load.js';
import { fixtureGraph, LIMITS, tinyGraph } from '../../architecture/fixtures.js';
import { checkpointFile } from '../../helpers/service.js';

/** TensorFlow's message when the memory of the GPU is full. */
const MESSAGE =
  'OOM when allocating tensor with shape[4096,4096] and type float on /job:localhost/replica:0/task:0/device:GPU:0 ' +
  'by allocator GPU_0_bfc';

const BACKEND = 'wasm';

let operations = 0;
let failAt = Number.POSITIVE_INFINITY;

/** Counts all operations, and makes one of them fail as on a GPU whose memory is full. */
function watchKernels(): void {
  for (const kernel of tf.getKernelsForBackend(BACKEND)) {
    tf.unregisterKernel(kernel.kernelName, BACKEND);
    tf.registerKernel({
      ...kernel,
      kernelFunc: (inputs) => {
        if (++operations === failAt) throw new Error(MESSAGE);
        return kernel.kernelFunc(inputs);
      },
    });
  }
}

describe.each(['ghn3-nano.pt', 'ghn2-nano.pt'])('TensorFlow with full memory, with %s,', (checkpoint) => {
  let predict: (graph: Graph) => Promise<unknown>;

  beforeAll(async () => {
    const engine = await createTensorflowEngine({ backend: BACKEND, device: 'cpu' });
    const ghn = await loadGhn(await readCheckpoint(checkpointFile(checkpoint)), engine);
    predict = (graph) => ghn.predict(parseArchitecture(graph, LIMITS), { predictClassifier: true, seed: 0 });
    watchKernels();
  });

  afterEach(() => {
    failAt = Number.POSITIVE_INFINITY;
  });

  it('reports it in any operation, frees all tensors, and computes the next network', async () => {
    const large = fixtureGraph('squeezenet1_1-10');
    const expected = await predict(tinyGraph());
    operations = 0;
    await predict(large);
    const { numTensors, numBytes } = tf.memory();
    const operation = fc.integer({ min: 1, max: operations });
    await fc.assert(
      fc.asyncProperty(operation, async (n) => {
        operations = 0;
        failAt = n;
        const outcome = await predict(large).catch((error: Error) => error);
        expect(isOutOfMemory(outcome)).toBe(true);
        expect(tf.memory()).toMatchObject({ numTensors, numBytes });
        expect(await predict(tinyGraph())).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });
});
