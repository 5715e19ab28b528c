import type { Architecture } from '../architecture/architecture.js';
import { layOut, namesOutside } from '../architecture/layout.js';
import { readCard } from '../engine/card.js';
import type { Engine } from '../engine/engine.js';
import { selectEngine, selectProducts } from '../engine/select.js';
import { readCheckpoint } from '../ghn/checkpoint.js';
import type { Ghn } from '../ghn/ghn.js';
import { loadGhn } from '../ghn/load.js';
import { type Applied, postprocess } from '../postprocess/postprocess.js';
import type { Products } from '../postprocess/products.js';
import { touched } from '../postprocess/touched.js';
import { networkStatistics } from '../statistics/network.js';
import { countFloat16Overflow } from '../statistics/overflow.js';
import type { Dtype } from '../tensor/dtype.js';
import { roundedSource, type TiledTensor, tensorSource } from '../tensor/tensor.js';
import type {
  EngineDescription,
  GhnDescription,
  PredictedNetwork,
  PredictedStatistics,
  PredictionJob,
  PredictorDescription,
  PredictorOptions,
  Stage,
  StageLatency,
} from './protocol.js';
import { ghnKey } from './protocol.js';
import { WARM_UP } from './warm-up.js';

/** The job's GHN is not the loaded one: its checkpoint was replaced after the job was planned. */
export class GhnNotLoadedError extends Error {
  constructor() {
    super(
      'the GHN of this prediction is not loaded any more: its checkpoint was replaced before the engine was started again; ' +
        'send the request again to use the GHN that is loaded now',
    );
  }
}

/** Computes a network's tensors from its architecture, with the loaded GHNs on their engine. */
export class Pipeline {
  readonly description: PredictorDescription;
  readonly #engine: Engine;
  readonly #products: Products;
  /** The GHNs by their `ghnKey`. */
  readonly #ghns: ReadonlyMap<string, Ghn>;

  private constructor(
    engine: Engine,
    products: Products,
    ghns: ReadonlyMap<string, Ghn>,
    description: PredictorDescription,
  ) {
    this.#engine = engine;
    this.#products = products;
    this.#ghns = ghns;
    this.description = description;
  }

  /**
   * Reads the checkpoints, one after the other, and makes one prediction with each, so that no request waits for the
   * work that an engine does at its first use.
   *
   * @param onNotice called with messages for the person who runs the service
   * @throws Error that names the fault and the remedy, for whoever started the service
   */
  static async load(
    { engine: choice, checkpoints }: PredictorOptions,
    onNotice: (message: string) => void,
  ): Promise<Pipeline> {
    const { engine, reason } = await selectEngine(choice, onNotice);
    const ghns = new Map<string, Ghn>();
    const descriptions: GhnDescription[] = [];
    for (const { id, path, options } of checkpoints) {
      const checkpoint = await readCheckpoint(path, options);
      const { config, parameters, digest, images } = checkpoint;
      const key = ghnKey(checkpoint);
      if (!ghns.has(key)) ghns.set(key, await loadGhn(checkpoint, engine));
      descriptions.push({ id, config, parameters, digest, images });
    }
    const products = await selectProducts(choice.threads ?? null, onNotice);
    const description = {
      engine: await describe(engine, reason),
      products: products.library,
      ghns: descriptions,
    };
    const pipeline = new Pipeline(engine, products, ghns, description);
    for (const ghn of ghns.keys()) {
      await pipeline.predict({ ...WARM_UP, ghn }, new AbortController().signal, () => {});
    }
    return pipeline;
  }

  /** @throws the signal's reason once it is aborted; GhnNotLoadedError */
  async predict(
    job: PredictionJob,
    signal: AbortSignal,
    onStage: (stage: Stage) => void,
  ): Promise<PredictedNetwork> {
    const stopwatch = new Stopwatch();
    const begin = (stage: Stage) => {
      stopwatch.begin(stage);
      onStage(stage);
    };
    const { architecture, predictClassifier, seed, postprocess: options } = job;
    const predicted = await this.#ghn(job.ghn).predict(
      architecture,
      { predictClassifier, seed, signal },
      begin,
    );
    if (options) begin('postprocess');
    const { tensors, applied } = options
      ? await postprocess(predicted, touched(architecture, options), options, this.#products, signal)
      : { tensors: predicted, applied: null };
    // The layout changes last, because everything is computed in PyTorch's layout.
    const laidOut = layOut(tensors, architecture);
    const latency = stopwatch.stop();
    return { tensors: laidOut, applied: applied && appliedOutside(applied, architecture), latency };
  }

  /** Computes the statistics of the tensors as they are once written in this type. */
  async statistics(tensors: readonly TiledTensor[], dtype: Dtype): Promise<PredictedStatistics> {
    const sources = tensors.map(tensorSource);
    return {
      network: await networkStatistics(sources.map((source) => roundedSource(source, dtype))),
      overflow: dtype === 'F16' ? await countFloat16Overflow(sources) : 0,
    };
  }

  /** Returns the number of bytes that the engine holds. */
  memory(): number {
    return this.#engine.memory();
  }

  #ghn(key: string): Ghn {
    const ghn = this.#ghns.get(key);
    if (!ghn) throw new GhnNotLoadedError();
    return ghn;
  }
}

async function describe(
  { name, version, device, limits }: Engine,
  reason: string,
): Promise<EngineDescription> {
  const card = device === 'cpu' ? null : await readCard();
  return {
    name,
    version,
    device,
    limits,
    reason,
    card: card && { name: card.name, memoryBytes: card.memoryBytes },
  };
}

/** Returns the changes of post-processing, with the tensors' names in the answer. */
function appliedOutside(applied: readonly Applied[], architecture: Architecture): Applied[] {
  const names = namesOutside(
    applied.map(({ name }) => name),
    architecture,
  );
  return applied.map((done, index) => ({ ...done, name: names[index]! }));
}

class Stopwatch {
  readonly #latency: Record<Stage, number> = { graph: 0, encode: 0, decode: 0, postprocess: 0 };
  #stage: Stage | null = null;
  #since = 0;

  begin(stage: Stage): void {
    this.stop();
    this.#stage = stage;
  }

  stop(): StageLatency {
    const now = performance.now();
    if (this.#stage) this.#latency[this.#stage] += now - this.#since;
    this.#since = now;
    this.#stage = null;
    return this.#latency;
  }
}
