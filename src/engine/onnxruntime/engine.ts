import type { Activation, AttentionBias, Computation, Engine, Linear, Matrix, RowRange } from '../engine.js';
import { GatheredRows } from './gathered-rows.js';
import { env, Tensor } from './library.js';
import type { OnnxModel } from './model.js';
import { ADD, attentionModel, LAYER_NORM, linearModel } from './models.js';
import { Recorder } from './recorder.js';
import { createSession } from './session.js';
import { SessionCache } from './session-cache.js';
import { bandOf, bandRows, headsModel, relativeTable, TILE_SCORES, tileModel } from './tiled-attention.js';

/** Products with fewer multiplications run on one thread: waking another takes longer than the product. */
const ALONE_BELOW = 2 ** 21;

/** A matrix in the process's memory. */
class HostMatrix implements Matrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;

  constructor(data: Float32Array, rows: number, columns: number) {
    this.data = data;
    this.rows = rows;
    this.columns = columns;
  }

  tensor(): Tensor {
    return new Tensor('float32', this.data, [this.rows, this.columns]);
  }
}

/**
 * Runs onnxruntime's native CPU code. Each operation is a model without weights: the weights are inputs of the run, so
 * that onnxruntime reads them in place, whatever their size, and holds no second copy. Its `run` blocks the thread, and
 * must not be called from two threads of a process at once (microsoft/onnxruntime 24486, 26968).
 */
class OnnxruntimeEngine implements Engine<HostMatrix> {
  readonly name = 'onnxruntime';
  readonly version = env.versions.node ?? env.versions.common;
  readonly device = 'cpu';
  readonly limits = { scoresAtOnce: TILE_SCORES, headsAtOnce: null };
  readonly gatheredEntries = null;
  readonly #sessions = new SessionCache();
  readonly #threads: number | null;
  readonly #gathered = new GatheredRows<HostMatrix>();
  readonly #weights = new WeakSet<HostMatrix>();
  #recordings = 0;
  #weightBytes = 0;
  #scopeBytes = 0;

  constructor(threads: number | null) {
    this.#threads = threads;
  }

  upload(data: Float32Array, rows: number, columns: number): HostMatrix {
    this.#weightBytes += data.byteLength;
    const weight = new HostMatrix(data, rows, columns);
    this.#weights.add(weight);
    return weight;
  }

  input(data: Float32Array, rows: number, columns: number): HostMatrix {
    this.#scopeBytes += data.byteLength;
    return new HostMatrix(data, rows, columns);
  }

  read(matrix: HostMatrix): Float32Array {
    return matrix.data;
  }

  slice(matrix: HostMatrix, start: number, end: number): HostMatrix {
    const { data, columns } = matrix;
    return new HostMatrix(data.subarray(start * columns, end * columns), end - start, columns);
  }

  concat(matrices: readonly HostMatrix[]): HostMatrix {
    if (matrices.length === 1) return matrices[0];
    const { data, rows, columns } = joined(matrices);
    return this.input(data, rows, columns);
  }

  gather(weight: HostMatrix, ranges: readonly RowRange[]): HostMatrix {
    return this.#gathered.get(weight, ranges, () =>
      joined(ranges.map(([start, end]) => this.slice(weight, start, end))),
    );
  }

  reshape(matrix: HostMatrix, rows: number): HostMatrix {
    return new HostMatrix(matrix.data, rows, matrix.data.length / rows);
  }

  async linear(
    x: HostMatrix,
    { weight, bias }: Linear<HostMatrix>,
    activation: Activation = 'none',
  ): Promise<HostMatrix> {
    const withBias = bias !== null;
    const feeds: Record<string, Tensor> = { x: x.tensor(), weight: weight.tensor() };
    if (withBias) feeds.bias = bias.tensor();
    const data = await this.#run(
      `linear ${withBias} ${activation}`,
      () => linearModel(withBias, activation),
      feeds,
      x.rows * weight.data.length,
    );
    return this.input(data, x.rows, weight.rows);
  }

  async add(a: HostMatrix, b: HostMatrix): Promise<HostMatrix> {
    const data = await this.#run('add', () => ADD, { a: a.tensor(), b: b.tensor() }, a.data.length);
    return this.input(data, a.rows, a.columns);
  }

  async layerNorm(x: HostMatrix, gain: HostMatrix, bias: HostMatrix): Promise<HostMatrix> {
    const vector = (matrix: HostMatrix) => new Tensor('float32', matrix.data, [matrix.columns]);
    const feeds = { x: x.tensor(), gain: vector(gain), bias: vector(bias) };
    const data = await this.#run('layer norm', () => LAYER_NORM, feeds, x.data.length);
    return this.input(data, x.rows, x.columns);
  }

  async attention(qkv: HostMatrix, bias: AttentionBias<HostMatrix>, heads: number): Promise<HostMatrix> {
    const nodes = qkv.rows;
    const hidden = qkv.columns / 3;
    if (nodes * nodes * heads > TILE_SCORES) return this.#tiledAttention(qkv, bias, heads);
    const feeds = {
      queries: qkv.tensor(),
      qkv: qkv.tensor(),
      table: bias.table.tensor(),
      row: new Tensor('int32', bias.row, [nodes, nodes]),
    };
    const model = () => attentionModel(heads, hidden);
    return this.input(await this.#run(`attention ${heads} ${hidden}`, model, feeds), nodes, hidden);
  }

  async #tiledAttention(
    qkv: HostMatrix,
    bias: AttentionBias<HostMatrix>,
    heads: number,
  ): Promise<HostMatrix> {
    const nodes = qkv.rows;
    const hidden = qkv.columns / 3;
    const { q, k, v } = await this.#runAll(`heads ${heads} ${hidden}`, () => headsModel(heads, hidden), {
      qkv: qkv.tensor(),
    });
    const relative = relativeTable(bias.table.data, heads);
    const table = new Tensor('float32', relative ?? bias.table.data, [bias.table.rows, heads]);
    const result = new Float32Array(nodes * hidden);
    const queries = Math.max(1, Math.floor(TILE_SCORES / (nodes * heads)));
    for (let start = 0; start < nodes; start += queries) {
      const end = Math.min(nodes, start + queries);
      const band = relative ? bandOf(bias.row, nodes, start, end) : { from: 0, to: nodes };
      const width = band.to - band.from;
      const feeds = {
        q,
        k,
        v,
        table,
        row: new Tensor('int32', bandRows(bias.row, nodes, start, end, band), [end - start, width]),
        start: sizes(start),
        end: sizes(end),
        band: sizes(heads, end - start, width),
        padding: sizes(0, 0, band.from, 0, 0, nodes - band.to),
      };
      const model = () => tileModel(heads, hidden);
      result.set(await this.#run(`attention tile ${heads} ${hidden}`, model, feeds), start * hidden);
    }
    return this.input(result, nodes, hidden);
  }

  /**
   * Runs onnxruntime once, not once for each operation: in small networks, the overhead of runs takes as long as the
   * arithmetic. Weights are inputs of the run here too. Graphs whose attention is computed in tiles still use single
   * operations.
   */
  async record(computation: Computation<HostMatrix>, columns: number) {
    const recorder = new Recorder<HostMatrix, HostMatrix>(
      (matrix) => (this.#weights.has(matrix) ? matrix : null),
      (width) => new HostMatrix(new Float32Array(), 0, width),
      'at once',
    );
    const y = await computation(recorder, recorder.input(columns), new Int32Array());
    const { model, weights, heads } = recorder.finish(y);
    const { weights: shapes = {}, ...graph } = model;
    const feeds: Record<string, Tensor> = {};
    for (const [{ data }, name] of weights) feeds[name] = new Tensor('float32', data, shapes[name]);
    const types = Object.fromEntries(Object.keys(shapes).map((name) => [name, 'float32'] as const));
    const recorded: OnnxModel = { ...graph, inputs: { ...graph.inputs, ...types } };
    const key = `recorded ${this.#recordings++}`;
    const largest = Math.max(...[...weights.keys()].map(({ data }) => data.length));
    return async (x: HostMatrix, rows: Int32Array) => {
      if (x.rows ** 2 * heads > TILE_SCORES) return computation(this, x, rows);
      const row = new Tensor('int32', rows, [x.rows, x.rows]);
      const all = { ...feeds, x: x.tensor(), rows: row };
      const data = await this.#run(key, () => recorded, all, x.rows * largest);
      return this.input(data, x.rows, y.columns);
    };
  }

  async scope<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#scopeBytes;
    try {
      return await run();
    } finally {
      this.#scopeBytes = before;
    }
  }

  memory(): number {
    return this.#weightBytes + this.#gathered.bytes + this.#scopeBytes;
  }

  async dispose(): Promise<void> {
    await this.#sessions.release();
  }

  /** @param work number of multiplications in the largest product */
  async #run(
    key: string,
    model: () => OnnxModel,
    feeds: Record<string, Tensor>,
    work = Number.POSITIVE_INFINITY,
  ): Promise<Float32Array> {
    const { y } = await this.#runAll(key, model, feeds, work);
    return y.data as Float32Array;
  }

  async #runAll(
    key: string,
    model: () => OnnxModel,
    feeds: Record<string, Tensor>,
    work = Number.POSITIVE_INFINITY,
  ): Promise<Readonly<Record<string, Tensor>>> {
    const threads = work < ALONE_BELOW ? 1 : this.#threads;
    const session = await this.#sessions.get(`${key} ${threads}`, () => createSession(model(), threads));
    return (await session.run(feeds)) as Record<string, Tensor>;
  }
}

/** Stacks matrices, one below the other. */
function joined(matrices: readonly HostMatrix[]): HostMatrix {
  const columns = matrices[0].columns;
  const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
  const data = new Float32Array(rows * columns);
  let at = 0;
  for (const matrix of matrices) {
    data.set(matrix.data, at);
    at += matrix.data.length;
  }
  return new HostMatrix(data, rows, columns);
}

/** Makes a tensor of sizes in the form that operations take. */
const sizes = (...values: number[]) =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

/** @param threads number of threads that compute; null for one on each core */
export async function createOnnxruntimeEngine(threads: number | null = null): Promise<Engine> {
  return new OnnxruntimeEngine(threads) as unknown as Engine;
}
