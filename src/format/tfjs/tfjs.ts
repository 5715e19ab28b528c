import type { ReadKeras } from '../../architecture/keras/parse.js';
import { kerasShape } from '../../architecture/keras/variable.js';
import { elements, type TensorSource } from '../../tensor/tensor.js';
import { TensorBytes } from '../../tensor/tiling.js';
import { type ByteSource, Layout } from '../layout.js';
import { Section } from '../section.js';
import { initialTensor } from './initial.js';
import { tfjsTopology } from './topology.js';
import type { TfjsWeight } from './weight.js';

/** Size of a weights file: small enough for a browser's cache, large enough for few requests. */
const SHARD_BYTES = 32 * 2 ** 20;

/** The version of Keras whose models TensorFlow.js reads. */
const KERAS_VERSION = '2.15.0';

export interface TfjsOptions {
  /** The predicted tensors, with Keras' names and layouts. */
  readonly tensors: readonly TensorSource[];
  /** Seed for kernels that were not predicted. */
  readonly seed: number;
  readonly generatedBy: string;
  /** The metadata of the model, as `model.getUserDefinedMetadata()` returns it. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The files of a TensorFlow.js model. */
export interface TfjsFiles {
  /** The content of `model.json`. */
  readonly model: unknown;
  /** The weights, by the paths that `model.json` gives. */
  readonly shards: ReadonlyMap<string, ByteSource>;
}

/** The content of `model.json`, and the list of weights. Making it takes long, but reads no weights. */
export interface TfjsModel {
  readonly model: unknown;
  readonly weights: readonly TfjsWeight[];
}

/**
 * Returns the files of a prediction for `tf.loadLayersModel`: the model and all of its weights as F32. Weights that
 * were not predicted have their initial values.
 *
 * @throws TfjsUnsupportedError if TensorFlow.js cannot run the model
 */
export function tfjsFiles(read: ReadKeras, options: TfjsOptions): TfjsFiles {
  const { model, weights } = tfjsModel(read, options);
  return { model, shards: tfjsShards(weights, options) };
}

/** @throws TfjsUnsupportedError if TensorFlow.js cannot run the model */
export function tfjsModel(
  read: ReadKeras,
  { generatedBy, metadata }: Pick<TfjsOptions, 'generatedBy' | 'metadata'>,
): TfjsModel {
  const { model, weights } = tfjsTopology(read);
  const bytes = weights.reduce((sum, { variable }) => sum + 4 * elements(kerasShape(variable)), 0);
  return {
    weights,
    model: {
      format: 'layers-model',
      generatedBy,
      convertedBy: null,
      modelTopology: { keras_version: KERAS_VERSION, backend: 'tensorflow', model_config: model },
      weightsManifest: [
        {
          paths: shardPaths(bytes),
          weights: weights.map(({ name, variable }) => ({
            name,
            shape: kerasShape(variable),
            dtype: 'float32',
          })),
        },
      ],
      userDefinedMetadata: metadata,
    },
  };
}

/** Returns the files of weights by the paths in the model's `weightsManifest`. */
export function tfjsShards(
  weights: readonly TfjsWeight[],
  { tensors, seed }: Pick<TfjsOptions, 'tensors' | 'seed'>,
): Map<string, ByteSource> {
  const predicted = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const sources = weights.map((weight) => predicted.get(weight.variable.path) ?? initialTensor(weight, seed));
  const bytes = new Layout(sources.map((tensor) => new TensorBytes(tensor, 'F32')));
  return new Map(
    shardPaths(bytes.byteLength).map((path, index) => {
      const start = index * SHARD_BYTES;
      const end = Math.min(start + SHARD_BYTES, bytes.byteLength);
      return [path, new Section(bytes, start, end)];
    }),
  );
}

function shardPaths(bytes: number): string[] {
  const count = Math.ceil(bytes / SHARD_BYTES);
  return Array.from({ length: count }, (_, index) => `group1-shard${index + 1}of${count}.bin`);
}
