import type { Engine, Linear, Matrix } from '../../engine/engine.js';
import { batchKernels, byWindow, type KernelBatch, type KernelTask, locations } from './kernel-tasks.js';

/** Places that go through the perceptron together; bounds its intermediate results (GHN-3-XL: 2048 · 8d · 4 B = 25 MB). */
const MAX_LOCATIONS = 2048;

/** Entries of one product of the last Linear, 64 MB: large enough to multiply at full speed, small beside the weights. */
const MAX_PRODUCT = 16 * 2 ** 20;

/** Rows of the last Linear that do not lie side by side are copied together where they have at most this many entries (8 MB). */
const MAX_GATHERED = 2 * 2 ** 20;

export interface KernelDecoderWeights<M extends Matrix> {
  /** Rows laid out [S, S, 4d], so that the places of a window's row lie side by side; the bias is a column. */
  readonly plane: Linear<M>;
  readonly perceptron: readonly [Linear<M>, Linear<M>];
}

/** The rows `start` to `end` - 1 of a Linear whose bias is a column. */
async function sliceLinear<M extends Matrix>(
  engine: Engine<M>,
  { weight, bias }: Linear<M>,
  start: number,
  end: number,
): Promise<Linear<M>> {
  return {
    weight: await engine.slice(weight, start, end),
    bias: bias && (await engine.reshape(await engine.slice(bias, start, end), 1)),
  };
}

/** Rows of the last Linear: those of outputs `first` to `last` - 1, as many inputs of each as the batch uses. */
interface OutputRange<M extends Matrix> {
  readonly first: number;
  readonly last: number;
  readonly linear: Linear<M>;
}

/** Decodes kernels of up to four dimensions (spec, section 5, "A kernel"). */
export class KernelDecoder<M extends Matrix> {
  readonly #engine: Engine<M>;
  readonly #weights: KernelDecoderWeights<M>;
  readonly #spatial: number;
  readonly #channels: number;

  constructor(engine: Engine<M>, weights: KernelDecoderWeights<M>, spatial: number, channels: number) {
    this.#engine = engine;
    this.#weights = weights;
    this.#spatial = spatial;
    this.#channels = channels;
  }

  /**
   * @param states [nodes, d], row-major
   * @returns for each task its [outputs, inputs, height, width] of the window, row-major
   */
  async decode(
    states: Float32Array,
    hidden: number,
    tasks: readonly KernelTask[],
    signal?: AbortSignal,
  ): Promise<Map<KernelTask, Float32Array>> {
    const blocks = new Map<KernelTask, Float32Array>();
    for (const task of tasks) {
      blocks.set(task, new Float32Array(task.outputs * task.inputs * locations(task)));
    }
    for (const batch of batchKernels(tasks, MAX_LOCATIONS)) {
      signal?.throwIfAborted();
      const { places, rowOf } = await this.#places(states, hidden, batch.tasks);
      for await (const { first, last, linear } of this.#outputRanges(batch, places.rows)) {
        const product = await this.#engine.read(await this.#engine.linear(places, linear));
        const width = (last - first) * batch.inputs;
        for (const task of batch.tasks) {
          place(product, width, rowOf.get(task)!, blocks.get(task)!, first * batch.inputs);
        }
      }
    }
    return blocks;
  }

  /** The perceptron's hidden layer at each place of the tasks' windows, and which row a task's place (y, x) has. */
  async #places(states: Float32Array, hidden: number, tasks: readonly KernelTask[]) {
    const engine = this.#engine;
    const rowOf = new Map<KernelTask, Int32Array>();
    const parts: M[] = [];
    let rows = 0;
    for (const run of byWindow(tasks)) {
      const { top, left, height, width } = run[0].window;
      const x = new Float32Array(run.length * hidden);
      run.forEach(({ node }, index) => {
        x.set(states.subarray(node * hidden, (node + 1) * hidden), index * hidden);
        rowOf.set(run[index], new Int32Array(height * width));
      });
      const nodes = await engine.input(x, run.length, hidden);
      for (let y = 0; y < height; y++) {
        const start = ((top + y) * this.#spatial + left) * 4 * hidden;
        const plane = await sliceLinear(engine, this.#weights.plane, start, start + width * 4 * hidden);
        parts.push(await engine.reshape(await engine.linear(nodes, plane, 'relu'), run.length * width));
        for (const task of run) {
          for (let column = 0; column < width; column++) rowOf.get(task)![y * width + column] = rows++;
        }
      }
    }
    const places = await engine.linear(await engine.concat(parts), this.#weights.perceptron[0], 'relu');
    return { places, rowOf };
  }

  async *#outputRanges({ outputs, inputs }: KernelBatch, rows: number): AsyncGenerator<OutputRange<M>> {
    const engine = this.#engine;
    const last = this.#weights.perceptron[1];
    const channels = this.#channels;
    if (inputs === channels) {
      const step = Math.max(1, Math.floor(MAX_PRODUCT / (rows * inputs)));
      for (let first = 0; first < outputs; first += step) {
        const end = Math.min(outputs, first + step);
        yield { first, last: end, linear: await sliceLinear(engine, last, first * inputs, end * inputs) };
      }
      return;
    }
    const ofOutput = (output: number) =>
      sliceLinear(engine, last, output * channels, output * channels + inputs);
    if (outputs * inputs * last.weight.columns <= MAX_GATHERED && rows * outputs * inputs <= MAX_PRODUCT) {
      const linears: Linear<M>[] = [];
      for (let output = 0; output < outputs; output++) linears.push(await ofOutput(output));
      const biases: M[] = [];
      for (const { bias } of linears) if (bias) biases.push(await engine.reshape(bias, inputs));
      const weight = await engine.concat(linears.map((linear) => linear.weight));
      const bias = biases.length > 0 ? await engine.reshape(await engine.concat(biases), 1) : null;
      yield { first: 0, last: outputs, linear: { weight, bias } };
      return;
    }
    for (let output = 0; output < outputs; output++) {
      yield { first: output, last: output + 1, linear: await ofOutput(output) };
    }
  }
}

/** Turns a product's rows, one a place, into a block's innermost axis, from the channel pair `start` on. */
function place(
  product: Float32Array,
  width: number,
  rowOf: Int32Array,
  block: Float32Array,
  start: number,
): void {
  const places = rowOf.length;
  if (places === 1) {
    block.set(product.subarray(rowOf[0] * width, (rowOf[0] + 1) * width), start);
    return;
  }
  let at = start * places;
  for (let pair = 0; pair < width; pair++) {
    for (let k = 0; k < places; k++) block[at++] = product[rowOf[k] * width + pair];
  }
}
