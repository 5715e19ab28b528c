import type { Architecture } from '../../../architecture/architecture.js';
import { type PredictedTensor, predictedTensors } from '../../../architecture/tensors.js';
import type { Engine, Linear, Matrix } from '../../../engine/engine.js';
import type { TiledTensor } from '../../../tensor/tensor.js';
import type { Block } from '../../decoder/block.js';
import { tokenBlock } from '../../decoder/kernel-block.js';
import type { DecodeOptions, TensorDecoder } from '../../decoder/tensor-decoder.js';
import { decodeVectors, type VectorWeights } from '../../decoder/vectors.js';
import { normalise } from '../../normalise.js';
import { type LanguageNormalisation, normaliseLanguage } from './normalise.js';
import { cutOf, type LowRankShape, rowsNeeded } from './shape.js';

export interface LowRankWeights<M extends Matrix> {
  /** d → 4d → 8d */
  readonly perceptron: readonly [Linear<M>, Linear<M>];
  /** 8d → 2r², rows in the order [2r, r]. The first r rows belong to A, and the others to B. The bias is a column. */
  readonly matrix: Linear<M>;
  /** r → Q; the bias is a column. */
  readonly widen: Linear<M>;
  /** Decodes gains and biases in the same way as a GHN-3, if the file was trained with `use_1d_decoder`. */
  readonly vectors: VectorWeights<M> | null;
}

export interface LowRankSizes extends LowRankShape {
  readonly hidden: number;
  readonly weightNorm: boolean;
  /** The normalisation of a language model's tensors; null for image networks, which are normalised as in a GHN-3. */
  readonly language: LanguageNormalisation | null;
}

/** The number of tensors whose nodes pass through the perceptron together. */
const MAX_NODES = 256;

/** The rows of the node's matrix m that the first rows of a factor come from: `count` rows, beginning at `first`. */
interface FactorRows {
  readonly first: number;
  readonly count: number;
}

/**
 * The decoder of LoGAH: each tensor is a product of two thin factors of its node (docs/logah.md, sections 3 and 4).
 * Computes only the rows of the factors that a tensor uses.
 */
export class LowRankDecoder<M extends Matrix> implements TensorDecoder {
  readonly #engine: Engine<M>;
  readonly #weights: LowRankWeights<M>;
  readonly #sizes: LowRankSizes;

  constructor(engine: Engine<M>, weights: LowRankWeights<M>, sizes: LowRankSizes) {
    this.#engine = engine;
    this.#weights = weights;
    this.#sizes = sizes;
  }

  async decode(
    architecture: Architecture,
    states: Float32Array,
    { predictClassifier, seed, signal }: DecodeOptions,
  ): Promise<TiledTensor[]> {
    const { hidden, language, weightNorm } = this.#sizes;
    const tensors = predictedTensors(architecture).filter(
      ({ classifier }) => predictClassifier || !classifier,
    );
    const blocks = new Map<PredictedTensor, Block>();
    const { vectors } = this.#weights;
    if (vectors) {
      const oneDimensional = tensors.filter(({ shape }) => shape.length === 1);
      const decoded = await decodeVectors(this.#engine, vectors, states, hidden, oneDimensional);
      for (const [tensor, block] of decoded) blocks.set(tensor, block);
    }
    const rest = tensors.filter((tensor) => !blocks.has(tensor));
    for (let start = 0; start < rest.length; start += MAX_NODES) {
      await this.#engine.scope(async () => {
        const batch = rest.slice(start, start + MAX_NODES);
        const x = new Float32Array(batch.length * hidden);
        batch.forEach(({ node }, row) => {
          x.set(states.subarray(node * hidden, (node + 1) * hidden), row * hidden);
        });
        const [first, second] = this.#weights.perceptron;
        const input = await this.#engine.input(x, batch.length, hidden);
        const wide = await this.#engine.linear(
          await this.#engine.linear(input, first, 'relu'),
          second,
          'relu',
        );
        for (const [row, tensor] of batch.entries()) {
          signal?.throwIfAborted();
          const block = await this.#engine.scope(async () =>
            this.#block(await this.#engine.slice(wide, row, row + 1), tensor, seed),
          );
          blocks.set(tensor, block);
        }
      });
    }
    return tensors.map((tensor) => {
      const block = blocks.get(tensor)!;
      if (weightNorm) {
        if (language) normaliseLanguage(architecture, tensor, block, language);
        else normalise(block.values, tensor.shape, tensor.role);
      }
      return { name: tensor.name, shape: tensor.shape, blockShape: block.shape, block: block.values };
    });
  }

  /** @param wide the node's last hidden layer, [1, 8d] */
  async #block(wide: M, tensor: PredictedTensor, seed: number): Promise<Block> {
    const { rank } = this.#sizes;
    const cut = cutOf(tensor.shape, tensor.role, this.#sizes);
    const needed = rowsNeeded(cut);
    const a = await this.#factor(wide, 0, needed.a);
    const b = await this.#factor(wide, rank, needed.b);
    if (cut.kind === 'vector') {
      const values = new Float32Array(cut.length);
      for (let k = 0; k < values.length; k++) {
        let sum = 0;
        for (let j = 0; j < rank; j++) sum += a[(cut.start + k) * rank + j] * b[j];
        values[k] = sum;
      }
      return { values, shape: [cut.length, ...tensor.shape.slice(1)] };
    }
    const product = await this.#engine.linear(await this.#engine.input(a, needed.a, rank), {
      weight: await this.#engine.input(b, needed.b, rank),
      bias: null,
    });
    const values = await this.#engine.read(product);
    if (cut.kind === 'tokens') {
      const { side, width } = cut;
      const grid = regroup(values, 1, side, width, side);
      return tokenBlock(tensor, grid, width, seed);
    }
    const { outputs, inputs, height, width } = cut;
    const shape = [outputs, inputs, height, width].slice(0, tensor.shape.length);
    return { values: regroup(values, outputs, height, inputs, width), shape };
  }

  /**
   * The first rows of a factor, [rows, r]. F is the widened matrix, reshaped: the number at position p comes from row p
   * div Q of m and row p mod Q of `widen`.
   *
   * @param firstRow the row of m at which the factor begins: 0 for A, r for B
   */
  async #factor(wide: M, firstRow: number, rows: number): Promise<Float32Array> {
    const { rank, factorRows } = this.#sizes;
    const total = rows * rank;
    const flat = new Float32Array(total);
    const whole = Math.floor(total / factorRows);
    const rest = total - whole * factorRows;
    if (whole > 0) {
      flat.set(await this.#widened(wide, { first: firstRow, count: whole }, factorRows));
    }
    if (rest > 0) {
      flat.set(await this.#widened(wide, { first: firstRow + whole, count: 1 }, rest), whole * factorRows);
    }
    return flat;
  }

  /** Multiplies rows of relu(m) by the first `columns` rows of `widen`, which gives [count, columns]. */
  async #widened(wide: M, { first, count }: FactorRows, columns: number): Promise<Float32Array> {
    const engine = this.#engine;
    const { rank, factorRows } = this.#sizes;
    const { matrix, widen } = this.#weights;
    const m = await engine.linear(
      wide,
      await this.#rows(matrix, first * rank, (first + count) * rank),
      'relu',
    );
    const linear = await this.#rows(widen, 0, Math.min(columns, factorRows));
    return engine.read(await engine.linear(await engine.reshape(m, count), linear));
  }

  async #rows({ weight, bias }: Linear<M>, start: number, end: number): Promise<Linear<M>> {
    return {
      weight: await this.#engine.slice(weight, start, end),
      bias: bias && (await this.#engine.reshape(await this.#engine.slice(bias, start, end), 1)),
    };
  }
}

/**
 * Rearranges [outer·a, inner·b] to [outer, inner, a, b]. Always copies, since an engine's values must not be changed.
 */
function regroup(values: Float32Array, outer: number, a: number, inner: number, b: number): Float32Array {
  if (a === 1 && b === 1) return values.slice();
  const out = new Float32Array(values.length);
  const width = inner * b;
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      for (let y = 0; y < a; y++) {
        const from = (o * a + y) * width + i * b;
        for (let z = 0; z < b; z++) out[to++] = values[from + z];
      }
    }
  }
  return out;
}
