import type { ReadKeras } from '../../architecture/keras/parse.js';
import { kerasShape } from '../../architecture/keras/variable.js';
import type { TensorSource } from '../../tensor/tensor.js';
import { TensorBytes } from '../../tensor/tiling.js';
import { type ByteSource, Layout } from '../layout.js';
import { Section } from '../section.js';
import { initialTensor } from './initial.js';
import { tfjsTopology } from './topology.js';

/** Few enough for a browser's cache to keep, many enough for few requests. */
const SHARD_BYTES = 32 * 2 ** 20;

/** Whose form of models TensorFlow.js reads. */
const KERAS_VERSION = '2.15.0';

export interface TfjsOptions {
  /** In Keras' names and layouts. */
  readonly tensors: readonly TensorSource[];
  /** For kernels that were not predicted. */
  readonly seed: number;
  readonly generatedBy: string;
  /** What the model can tell of itself, `model.getUserDefinedMetadata()`. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The files of a TensorFlow.js model. */
export interface TfjsFiles {
  /** What `model.json` holds. */
  readonly model: unknown;
  /** The weights, by the paths that `model.json` gives. */
  readonly shards: ReadonlyMap<string, ByteSource>;
}

/**
 * A prediction as `tf.loadLayersModel` takes it: the model and all of its weights, as F32, those that were not predicted
 * with what they begin with.
 * @throws TfjsUnsupportedError where TensorFlow.js cannot run the model
 */
export function tfjsFiles(read: ReadKeras, { tensors, seed, generatedBy, metadata }: TfjsOptions): TfjsFiles {
  const { model, weights } = tfjsTopology(read);
  const predicted = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const sources = weights.map((weight) => predicted.get(weight.variable.path) ?? initialTensor(weight, seed));
  const bytes = new Layout(sources.map((tensor) => new TensorBytes(tensor, 'F32')));
  const shards = divide(bytes);
  return {
    model: {
      format: 'layers-model',
      generatedBy,
      convertedBy: null,
      modelTopology: { keras_version: KERAS_VERSION, backend: 'tensorflow', model_config: model },
      weightsManifest: [
        {
          paths: [...shards.keys()],
          weights: weights.map(({ name, variable }) => ({
            name,
            shape: kerasShape(variable),
            dtype: 'float32',
          })),
        },
      ],
      userDefinedMetadata: metadata,
    },
    shards,
  };
}

function divide(bytes: Layout): Map<string, ByteSource> {
  const count = Math.ceil(bytes.byteLength / SHARD_BYTES);
  return new Map(
    Array.from({ length: count }, (_, index) => {
      const start = index * SHARD_BYTES;
      const end = Math.min(start + SHARD_BYTES, bytes.byteLength);
      return [`group1-shard${index + 1}of${count}.bin`, new Section(bytes, start, end)];
    }),
  );
}
