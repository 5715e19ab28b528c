import type { Architecture } from '../../architecture/architecture.js';
import { type PredictedTensor, predictedTensors } from '../../architecture/tensors.js';
import type { Engine, Linear, Matrix } from '../../engine/engine.js';
import type { TiledTensor } from '../../tensor/tensor.js';
import { transpose } from '../../tensor/transpose.js';
import { normalise } from '../normalise.js';
import type { Block } from './block.js';
import { kernelBlock, kernelTask } from './kernel-block.js';
import { KernelDecoder, type KernelDecoderWeights } from './kernel-decoder.js';
import type { KernelTask } from './kernel-tasks.js';
import type { DecodeOptions, TensorDecoder } from './tensor-decoder.js';
import { decodeVectors, type VectorWeights } from './vectors.js';
import type { DecoderShape } from './window.js';

export interface DecoderWeights<M extends Matrix> extends KernelDecoderWeights<M>, VectorWeights<M> {
  readonly classifier: Linear<M>;
}

/** The decoder of GHN-2 and GHN-3 (docs/ghn.md, section 5). */
export class Decoder<M extends Matrix> implements TensorDecoder {
  readonly #engine: Engine<M>;
  readonly #weights: DecoderWeights<M>;
  readonly #shape: DecoderShape;
  readonly #kernels: KernelDecoder<M>;

  constructor(engine: Engine<M>, weights: DecoderWeights<M>, shape: DecoderShape) {
    this.#engine = engine;
    this.#weights = weights;
    this.#shape = shape;
    this.#kernels = new KernelDecoder(engine, weights, shape.spatial, shape.channels);
  }

  async decode(
    architecture: Architecture,
    states: Float32Array,
    { predictClassifier, seed, signal }: DecodeOptions,
  ): Promise<TiledTensor[]> {
    const tensors = predictedTensors(architecture).filter(
      ({ classifier }) => predictClassifier || !classifier,
    );
    const blocks = await decodeVectors(
      this.#engine,
      this.#weights,
      states,
      this.#shape.hidden,
      tensors.filter(({ shape }) => shape.length === 1),
    );
    const tasks = new Map<PredictedTensor, KernelTask>();
    for (const tensor of tensors) {
      if (tensor.shape.length === 1) continue;
      const task = kernelTask(tensor, this.#shape);
      tasks.set(tensor, tensor.classifier ? { ...task, outputs: this.#shape.channels } : task);
    }
    const decoded = await this.#kernels.decode(states, this.#shape.hidden, [...tasks.values()], signal);
    for (const [tensor, task] of tasks) {
      const kernel = decoded.get(task)!;
      const block = tensor.classifier
        ? await this.#classifierBlock(tensor, kernel, task.inputs)
        : kernelBlock(tensor, task, kernel, seed);
      blocks.set(tensor, block);
    }

    return tensors.map((tensor) => {
      const { values, shape: blockShape } = blocks.get(tensor)!;
      if (this.#shape.weightNorm) normalise(values, tensor.shape, tensor.role);
      return { name: tensor.name, shape: tensor.shape, blockShape, block: values };
    });
  }

  /** The weight of the head, [C, inputs]: a Linear applied to the outputs of a 1×1 kernel that has all of them. */
  async #classifierBlock(tensor: PredictedTensor, kernel: Float32Array, inputs: number): Promise<Block> {
    const engine = this.#engine;
    const { channels } = this.#shape;
    const byInput = transpose(kernel, channels, inputs).map((value) => Math.max(0, value));
    const classes = await engine.linear(
      await engine.input(byInput, inputs, channels),
      this.#weights.classifier,
    );
    const count = Math.min(classes.columns, tensor.shape[0]);
    const values = transpose(await engine.read(classes), inputs, classes.columns).slice(0, count * inputs);
    return { values, shape: [count, inputs, ...tensor.shape.slice(2)] };
  }
}
