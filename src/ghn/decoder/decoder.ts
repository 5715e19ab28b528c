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
import type { DecoderShape } from './window.js';

export interface DecoderWeights<M extends Matrix> extends KernelDecoderWeights<M> {
  readonly vector: readonly [Linear<M>, Linear<M>];
  readonly classifier: Linear<M>;
  readonly classifierBias: Linear<M>;
}

export interface DecodeOptions {
  readonly predictClassifier: boolean;
  /** Of the rows that are drawn, not predicted: class and distillation tokens. */
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** Turns the nodes' states into the network's tensors (spec, section 5). */
export class Decoder<M extends Matrix> {
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

  /**
   * @param states [nodes, d], row-major
   * @returns the predicted tensors in the order of the state dict, or of the nodes where there is none
   */
  async decode(
    architecture: Architecture,
    states: Float32Array,
    { predictClassifier, seed, signal }: DecodeOptions,
  ): Promise<TiledTensor[]> {
    const tensors = predictedTensors(architecture).filter(
      ({ classifier }) => predictClassifier || !classifier,
    );
    const blocks = await this.#decodeVectors(
      states,
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

  /** Gains and biases: row 0 and row 1 of what each node's decoder gives, [2, C]. */
  async #decodeVectors(
    states: Float32Array,
    tensors: readonly PredictedTensor[],
  ): Promise<Map<PredictedTensor, Block>> {
    const engine = this.#engine;
    const { hidden, channels } = this.#shape;
    const blocks = new Map<PredictedTensor, Block>();
    if (tensors.length === 0) return blocks;
    const nodes = [...new Set(tensors.map(({ node }) => node))];
    const x = new Float32Array(nodes.length * hidden);
    nodes.forEach((node, row) => {
      x.set(stateOf(states, hidden, node), row * hidden);
    });
    const inner = await engine.linear(
      await engine.input(x, nodes.length, hidden),
      this.#weights.vector[0],
      'relu',
    );
    const rows = await engine.read(await engine.linear(inner, this.#weights.vector[1]));
    const rowOf = new Map(nodes.map((node, row) => [node, row]));

    for (const tensor of tensors) {
      const start = (2 * rowOf.get(tensor.node)! + (tensor.role === 'weight' ? 0 : 1)) * channels;
      let values = rows.slice(start, start + channels);
      if (tensor.classifier) {
        const relu = await engine.input(
          values.map((value) => Math.max(0, value)),
          1,
          channels,
        );
        values = (await engine.read(await engine.linear(relu, this.#weights.classifierBias))).slice();
      }
      values = values.slice(0, Math.min(values.length, tensor.shape[0]));
      blocks.set(tensor, { values, shape: [values.length] });
    }
    return blocks;
  }

  /** The head's weight: a Linear over the outputs of a 1×1 kernel that has all of them, [C, inputs]. */
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

const stateOf = (states: Float32Array, hidden: number, node: number) =>
  states.subarray(node * hidden, (node + 1) * hidden);
