import type { Engine, Linear, Matrix, RowRange } from '../../engine/engine.js';
import {
  batches,
  byWindow,
  type ChannelCell,
  channelCells,
  type KernelTask,
  placesOf,
} from './kernel-tasks.js';

/**
 * The number of places that pass through the perceptron together. For a GHN-3-XL, its intermediate results take 25 MB.
 */
export const MAX_PLACES = 2048;

/**
 * The maximum number of entries in a product of the last Linear, 64 MB: large enough for full speed, and small compared
 * to the weights.
 */
export const MAX_PRODUCT = 16 * 2 ** 20;

/** Rows of the last Linear that are not adjacent are copied together if they have at most this many entries (8 MB). */
const MAX_GATHERED = 2 * 2 ** 20;

export interface KernelDecoderWeights<M extends Matrix> {
  /**
   * Its rows are laid out as [S, S, 4d], so that the places in a row of a window are adjacent. The bias is a column.
   */
  readonly plane: Linear<M>;
  /** The two linear maps. The rows of the second are [C, C], and its bias is a column. */
  readonly perceptron: readonly [Linear<M>, Linear<M>];
}

/**
 * The hidden layer of the perceptron, with a row for each place, and the first row of each task. A task's rows are
 * adjacent.
 */
interface Places<M extends Matrix> {
  readonly hidden: M;
  readonly firstRow: ReadonlyMap<KernelTask, number>;
}

/** A part of the last Linear: outputs `first` to `last` - 1 of a cell, with all inputs of the cell. */
interface Part<M extends Matrix> {
  readonly first: number;
  readonly last: number;
  readonly linear: Linear<M>;
}

/** Decodes kernels of up to four dimensions (docs/ghn.md, section 5, "A kernel"). */
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
   * @returns for each task, its window's [outputs, inputs, height, width], row-major
   */
  async decode(
    states: Float32Array,
    hidden: number,
    tasks: readonly KernelTask[],
    signal?: AbortSignal,
  ): Promise<Map<KernelTask, Float32Array>> {
    const blocks = new Map(
      tasks.map((task) => [task, new Float32Array(task.outputs * task.inputs * placesOf(task))]),
    );
    for (const batch of batches(tasks, MAX_PLACES)) {
      await this.#engine.scope(() => this.#decodeBatch(states, hidden, batch, blocks, signal));
    }
    return blocks;
  }

  async #decodeBatch(
    states: Float32Array,
    hidden: number,
    batch: readonly KernelTask[],
    blocks: ReadonlyMap<KernelTask, Float32Array>,
    signal?: AbortSignal,
  ): Promise<void> {
    const places = await this.#places(states, hidden, batch);
    for (const cell of channelCells(batch)) {
      const rows = await this.#rowsOf(cell.tasks, places);
      for await (const part of this.#parts(cell, rows.rows)) {
        signal?.throwIfAborted();
        await this.#engine.scope(async () => {
          const product = await this.#engine.read(await this.#engine.linear(rows, part.linear));
          distribute(product, cell, part, blocks);
        });
      }
    }
  }

  async #places(states: Float32Array, hidden: number, tasks: readonly KernelTask[]): Promise<Places<M>> {
    const engine = this.#engine;
    const firstRow = new Map<KernelTask, number>();
    const parts: M[] = [];
    let rows = 0;
    for (const group of byWindow(tasks)) {
      const { top, left, height, width } = group[0].window;
      const x = new Float32Array(group.length * hidden);
      group.forEach(({ node }, index) => {
        x.set(states.subarray(node * hidden, (node + 1) * hidden), index * hidden);
      });
      const nodes = await engine.input(x, group.length, hidden);
      const windowRows: M[] = [];
      for (let y = 0; y < height; y++) {
        const start = ((top + y) * this.#spatial + left) * 4 * hidden;
        const plane = await this.#slice(this.#weights.plane, start, start + width * 4 * hidden);
        windowRows.push(
          await engine.reshape(await engine.linear(nodes, plane, 'relu'), group.length * width),
        );
      }
      for (const [index, task] of group.entries()) {
        firstRow.set(task, rows);
        rows += height * width;
        // If the window has one row, the places of all tasks are already in order.
        if (height === 1) continue;
        for (const row of windowRows) parts.push(await engine.slice(row, index * width, (index + 1) * width));
      }
      if (height === 1) parts.push(windowRows[0]);
    }
    const hiddenLayer = await engine.linear(await engine.concat(parts), this.#weights.perceptron[0], 'relu');
    return { hidden: hiddenLayer, firstRow };
  }

  /** The places of these tasks only, task after task. */
  async #rowsOf(tasks: readonly KernelTask[], { hidden, firstRow }: Places<M>): Promise<M> {
    if (tasks.length === firstRow.size) return hidden;
    const slices: M[] = [];
    for (const task of tasks) {
      const start = firstRow.get(task)!;
      slices.push(await this.#engine.slice(hidden, start, start + placesOf(task)));
    }
    return this.#engine.concat(slices);
  }

  /** The cell's rows of the last Linear, in parts whose products have a limited size. */
  async *#parts({ outputs: [start, end], inputs }: ChannelCell, places: number): AsyncGenerator<Part<M>> {
    const last = this.#weights.perceptron[1];
    const channels = this.#channels;
    const width = inputs[1] - inputs[0];
    const isWhole = width === channels;
    const weights = width * last.weight.columns;
    const perProduct = Math.max(1, Math.floor(MAX_PRODUCT / (places * width)));
    const { gatheredEntries } = this.#engine;
    let step = perProduct;
    if (gatheredEntries !== null) step = Math.min(step, Math.max(1, Math.floor(gatheredEntries / weights)));
    else if (!isWhole && (end - start) * weights > MAX_GATHERED) step = 1;
    for (let first = start; first < end; first += step) {
      const next = Math.min(end, first + step);
      const linear = isWhole
        ? await this.#slice(last, first * channels, next * channels)
        : await this.#gather(last, first, next, inputs);
      yield { first, last: next, linear };
    }
  }

  /** The rows for these outputs and the cell's inputs, which are not adjacent. */
  async #gather(
    last: Linear<M>,
    first: number,
    end: number,
    inputs: readonly [number, number],
  ): Promise<Linear<M>> {
    const engine = this.#engine;
    const ranges: RowRange[] = [];
    for (let output = first; output < end; output++) {
      const row = output * this.#channels;
      ranges.push([row + inputs[0], row + inputs[1]]);
    }
    const rows = async (matrix: M) => {
      if (engine.gather) return engine.gather(matrix, ranges);
      return engine.concat(await Promise.all(ranges.map(([from, to]) => engine.slice(matrix, from, to))));
    };
    return {
      weight: await rows(last.weight),
      bias: last.bias && (await engine.reshape(await rows(last.bias), 1)),
    };
  }

  /** Rows of a Linear whose bias is a column. */
  async #slice({ weight, bias }: Linear<M>, start: number, end: number): Promise<Linear<M>> {
    return {
      weight: await this.#engine.slice(weight, start, end),
      bias: bias && (await this.#engine.reshape(await this.#engine.slice(bias, start, end), 1)),
    };
  }
}

/**
 * Distributes a product, [places of the cell's tasks, outputs of the part · inputs of the cell], to the tasks' blocks.
 */
function distribute(
  product: Float32Array,
  { inputs: [firstInput, lastInput], tasks }: ChannelCell,
  { first, last }: Pick<Part<Matrix>, 'first' | 'last'>,
  blocks: ReadonlyMap<KernelTask, Float32Array>,
): void {
  const inputs = lastInput - firstInput;
  const width = (last - first) * inputs;
  let row = 0;
  for (const task of tasks) {
    const block = blocks.get(task)!;
    const places = placesOf(task);
    for (let output = first; output < last; output++) {
      let from = row * width + (output - first) * inputs;
      let to = (output * task.inputs + firstInput) * places;
      if (places === 1) {
        block.set(product.subarray(from, from + inputs), to);
        continue;
      }
      for (let input = 0; input < inputs; input++, from++) {
        for (let place = 0; place < places; place++) block[to++] = product[from + place * width];
      }
    }
    row += places;
  }
}
