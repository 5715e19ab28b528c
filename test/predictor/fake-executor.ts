import { createHash } from 'node:crypto';
import { predictedTensors } from '../../src/architecture/tensors.js';
import { untilAborted } from '../../src/async/until-aborted.js';
import {
  type Executor,
  type Prediction,
  type PredictOptions,
  PredictorUnavailableError,
} from '../../src/predictor/executor.js';
import { ghnKey, type PredictionJob, type PredictorDescription } from '../../src/predictor/protocol.js';
import { networkStatistics } from '../../src/statistics/network.js';
import { elements, type TiledTensor, tensorSource } from '../../src/tensor/tensor.js';

const GHN = {
  id: 'fake',
  config: {
    family: 'ghn3',
    hidden: 8,
    layers: 1,
    heads: 1,
    channels: 8,
    spatial: 3,
    numClasses: 10,
    weightNorm: true,
    layerNorm: true,
    ops: 15,
    maxHops: 50,
    vocabularies: [],
    details: {},
  },
  images: null,
  parameters: 0,
  digest: 'sha256:fake',
} as const;

const DESCRIPTION: PredictorDescription = {
  engine: {
    name: 'onnxruntime',
    version: 'fake',
    device: 'cpu',
    limits: { scoresAtOnce: 1, headsAtOnce: null },
    reason: 'for tests',
    card: null,
  },
  products: 'fake',
  ghns: [GHN],
};

/**
 * An executor that tests control. Its tensors are not tiled, and their values follow from the job and the tensors'
 * names.
 */
export class FakeExecutor implements Executor {
  readonly description = DESCRIPTION;
  ready = true;
  readonly readySoon = true;
  /** Number of jobs so far. */
  jobs = 0;
  #gate: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  async whenReady(): Promise<void> {}

  /** Holds all jobs. Returns a function that releases them. */
  hold(): () => void {
    let open!: () => void;
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }

  /** Makes the next job fail with an error. */
  failNext(error: Error): void {
    this.#failure = error;
  }

  async predict(job: PredictionJob, { signal, onStage }: PredictOptions = {}): Promise<Prediction> {
    signal?.throwIfAborted();
    this.jobs++;
    if (job.ghn !== ghnKey(GHN)) throw new PredictorUnavailableError('its checkpoint was replaced');
    for (const stage of ['graph', 'encode', 'decode'] as const) onStage?.(stage);
    await (signal ? untilAborted(this.#gate, signal) : this.#gate);
    signal?.throwIfAborted();
    const failure = this.#failure;
    this.#failure = null;
    if (failure) throw failure;
    const tensors = predictedTensors(job.architecture)
      .filter(({ classifier }) => job.predictClassifier || !classifier)
      .map(({ name, shape }) => tensorOf(name, shape, job.seed));
    return {
      tensors,
      applied: null,
      latency: { graph: 1, encode: 1, decode: 1, postprocess: 0 },
      statistics: networkStatistics(tensors.map(tensorSource)).then((network) => ({ network, overflow: 0 })),
    };
  }
}

function tensorOf(name: string, shape: readonly number[], seed: number): TiledTensor {
  const digest = createHash('sha256')
    .update(JSON.stringify([name, seed]))
    .digest();
  const block = Float32Array.from({ length: elements(shape) }, (_, k) => digest[k % digest.length] / 256 + k);
  return { name, shape, blockShape: shape, block };
}
