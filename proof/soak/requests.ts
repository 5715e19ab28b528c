import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Random } from './random.js';

/** Number of different requests that clients repeat. */
const POOL = 60;

const FIXTURES = new URL('../../test/fixtures/', import.meta.url);

const json = (path: string) => JSON.parse(readFileSync(new URL(path, FIXTURES), 'utf8')) as unknown;

const layers = (name: string) => json(`layers/${name}.layers.json`);
const keras = (name: string) => ({ keras: (json(`keras/${name}.json`) as { model: unknown }).model });

/** A network that clients request, in one of the forms of architectures. */
interface Network {
  readonly architecture: unknown;
  readonly weight: number;
  /** True if the weights can be downloaded for TensorFlow.js. */
  readonly isKeras?: true;
  /**
   * True for a large network. Post-processed weights are stored in full size, so a few of them would fill the store.
   */
  readonly isLarge?: true;
  /** Set only for named networks. */
  readonly numClasses?: number;
}

const NETWORKS: readonly Network[] = [
  { architecture: layers('lenet'), weight: 3 },
  { architecture: layers('residual'), weight: 3 },
  { architecture: layers('vit'), weight: 3 },
  { architecture: json('layers/vit-mean.graph.json'), weight: 2 },
  { architecture: json('architectures/squeezenet1_1-10.json'), weight: 2 },
  { architecture: keras('mobilenet.keras3'), weight: 3, isKeras: true },
  { architecture: keras('resnet.keras2'), weight: 3, isKeras: true },
  { architecture: keras('sequential.keras3'), weight: 2, isKeras: true },
  { architecture: keras('nested.keras2'), weight: 2, isKeras: true },
  { architecture: 'squeezenet1_1', weight: 2, numClasses: 10 },
  { architecture: 'shufflenet_v2_x0_5', weight: 2 },
  { architecture: 'mobilenet_v3_small', weight: 1, numClasses: 100 },
  { architecture: 'mnasnet0_5', weight: 1 },
  { architecture: 'resnet18', weight: 1, numClasses: 10, isLarge: true },
];

/** Valid combinations of formats and element types. */
const REPRESENTATIONS = [
  { format: 'safetensors', dtype: 'F32', weight: 4 },
  { format: 'safetensors', dtype: 'F16', weight: 2 },
  { format: 'safetensors', dtype: 'BF16', weight: 2 },
  { format: 'tiled', dtype: 'F32', weight: 2 },
  { format: 'tiled', dtype: 'BF16', weight: 1 },
  { format: 'npz', dtype: 'F32', weight: 1 },
  { format: 'npz', dtype: 'F16', weight: 1 },
] as const;

export interface PredictRequest {
  readonly body: string;
  /** A key that is the same for the same request. */
  readonly key: string;
  /** True if no client has sent the request before. */
  readonly isFresh: boolean;
  readonly isKeras: boolean;
  readonly isLarge: boolean;
  readonly format: string;
  readonly dtype: string;
}

/** The requests of clients: mostly repeated ones, and sometimes new ones. */
export class Requests {
  readonly #pool: readonly PredictRequest[];
  #fresh: number;

  constructor(seed: number) {
    const random = new Random(seed, 'pool');
    this.#pool = Array.from({ length: POOL }, () => this.#make(random, random.below(3), false));
    // The seeds after those of the pool.
    this.#fresh = 1000;
  }

  /** Returns a repeated request. The first of the pool are chosen more often than the last. */
  repeated(random: Random, fits: (request: PredictRequest) => boolean = () => true): PredictRequest {
    const fitting = this.#pool.filter(fits);
    return fitting[Math.floor(fitting.length * random.fraction() ** 2)];
  }

  /** Returns a request that no store can have. */
  fresh(random: Random): PredictRequest {
    return this.#make(random, this.#fresh++, true);
  }

  #make(random: Random, seed: number, isFresh: boolean): PredictRequest {
    const network = random.weighted(isFresh ? NETWORKS.filter(({ isLarge }) => !isLarge) : NETWORKS);
    // The GHN's own seed would be sufficient if all networks had a class token.
    const isPostprocessed = !network.isLarge && (isFresh || random.fraction() < 0.4);
    const { format, dtype } = random.weighted(
      REPRESENTATIONS.filter((one) => !isPostprocessed || one.format !== 'tiled'),
    );
    const postprocess = { noise: 0.01, orthogonalize: random.fraction() < 0.3, seed };
    const body = JSON.stringify({
      architecture: network.architecture,
      ...(network.numClasses && { num_classes: network.numClasses }),
      ...(isPostprocessed && { postprocess }),
      predict_classifier: random.fraction() < 0.9,
      seed,
      dtype,
      format,
    });
    const key = createHash('sha256').update(body).digest('hex').slice(0, 16);
    const { isKeras = false, isLarge = false } = network;
    return { body, key, isFresh, isKeras, isLarge, format, dtype };
  }
}
