import { randomKey } from '../random/key.js';
import { elements, type TiledTensor } from '../tensor/tensor.js';
import { correlationDeviation } from './correlation.js';
import { type TiledMatrix, toMatrix, toTensorLayout } from './matrix.js';
import { NoisyRows, type Piece } from './noise.js';
import type { PostprocessOptions } from './options.js';
import { orthogonal } from './orthogonal.js';
import type { Products } from './products.js';
import { type Workspace, workspace } from './workspace.js';

/** The change that post-processing made to one tensor. */
export interface Applied {
  readonly name: string;
  /** The standard deviation of the noise, β·s. */
  readonly noise: number;
  readonly orthogonalized: boolean;
}

export interface Postprocessed {
  /** All tensors in their order. Unchanged tensors are the same objects. */
  readonly tensors: readonly TiledTensor[];
  /**
   * The changes in the order in which they were made; empty if the options ask for neither noise nor orthogonal
   * weights.
   */
  readonly applied: readonly Applied[];
}

/** Bound of normal random numbers. The probability of a larger one is less than 10^-30. */
const LARGEST_NORMAL = 12;
const LARGEST_FLOAT32 = 3.4e38;

/**
 * Restores the diversity of predicted weights (docs/ghn.md, section 7; Knyazev, "Pretraining a Neural Network before
 * Knowing Its Architecture", 2022). The same options give the same values, whatever other tensors are predicted.
 *
 * @param names names of the weights to transform, from `touched`; weights that were not predicted are skipped
 * @throws if a value is not finite or the noise would make it so; the signal's reason once it is aborted
 */
export async function postprocess(
  tensors: readonly TiledTensor[],
  names: readonly string[],
  options: PostprocessOptions,
  products: Products,
  signal?: AbortSignal,
): Promise<Postprocessed> {
  if (options.noise === 0 && !options.orthogonalize) return { tensors, applied: [] };
  const result = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const applied: Applied[] = [];
  const space = workspace(products);
  for (const name of names) {
    const tensor = result.get(name);
    if (!tensor) continue;
    const transformed = await transform(tensor, options, space, signal);
    result.set(name, transformed.tensor);
    applied.push({ name, noise: transformed.noise, orthogonalized: options.orthogonalize });
  }
  return { tensors: [...result.values()], applied };
}

async function transform(
  tensor: TiledTensor,
  { noise, orthogonalize, minChannels, seed }: PostprocessOptions,
  space: Workspace,
  signal?: AbortSignal,
): Promise<{ tensor: TiledTensor; noise: number }> {
  const { products } = space;
  const { name, shape } = tensor;
  const matrix = toMatrix(tensor);
  const scale = noise > 0 ? noise * (await correlationDeviation(matrix, products)) : 0;
  let largest = 0;
  for (const value of tensor.block) largest = Math.max(largest, Math.abs(value));
  if (!(largest + LARGEST_NORMAL * scale < LARGEST_FLOAT32)) {
    throw new Error(`${name} cannot be post-processed: its values, or these with the noise, are not finite`);
  }
  if (scale === 0 && !orthogonalize) return { tensor, noise: 0 };

  const from = { outputs: minChannels, inputs: minChannels * elements(shape.slice(2)) };
  const noiseAt = {
    key: randomKey(seed, name, 'noise'),
    scale,
    fromRow: matrix.transposed ? from.inputs : from.outputs,
    fromColumn: matrix.transposed ? from.outputs : from.inputs,
  };
  const source = new NoisyRows(matrix, noiseAt, space.kernel);
  const values = orthogonalize
    ? await orthogonal(matrix, source, randomKey(seed, name, 'completion'), space, signal)
    : await readAll(matrix, source, signal);
  return {
    tensor: { name, shape, blockShape: shape, block: await toTensorLayout(values, matrix, products) },
    noise: scale,
  };
}

async function readAll(
  { rows, columns }: TiledMatrix,
  source: NoisyRows,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const values = new Float32Array(rows * columns);
  const each = ({ index, left, width }: Piece) =>
    values.set(source.kernel.row.subarray(0, width), index * columns + left);
  await source.read({ each }, signal);
  return values;
}
