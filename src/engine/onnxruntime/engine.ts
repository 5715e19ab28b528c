import type { Activation, AttentionBias, Engine, Linear, Matrix } from '../engine.js';
import { env, type InferenceSession, Tensor } from './library.js';
import type { OnnxModel } from './model.js';
import { ADD, attentionModel, LAYER_NORM, linearModel } from './models.js';
import { createSession } from './session.js';
import { bandOf, bandRows, headsModel, relativeTable, TILE_SCORES, tileModel } from './tiled-attention.js';

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
 * onnxruntime's native CPU code. Each operation is a model without weights of its own: they are inputs of the run, so
 * that onnxruntime reads them where they lie, whatever their size, and holds no second copy. Its `run` blocks the
 * thread, and must not be called from two threads of a process at once (microsoft/onnxruntime 24486, 26968).
 */
class OnnxruntimeEngine implements Engine<HostMatrix> {
  readonly name = 'onnxruntime';
  readonly version = env.versions.node ?? env.versions.common;
  readonly device = 'cpu';
  readonly limits = { scoresAtOnce: TILE_SCORES, headsAtOnce: null };
  readonly gatheredEntries = null;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  readonly #threads: number | null;
  #weightBytes = 0;
  #scopeBytes = 0;

  constructor(threads: number | null) {
    this.#threads = threads;
  }

  upload(data: Float32Array, rows: number, columns: number): HostMatrix {
    this.#weightBytes += data.byteLength;
    return new HostMatrix(data, rows, columns);
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
    const columns = matrices[0].columns;
    const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
    const data = new Float32Array(rows * columns);
    let at = 0;
    for (const matrix of matrices) {
      data.set(matrix.data, at);
      at += matrix.data.length;
    }
    return this.input(data, rows, columns);
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
    );
    return this.input(data, x.rows, weight.rows);
  }

  async add(a: HostMatrix, b: HostMatrix): Promise<HostMatrix> {
    const data = await this.#run('add', () => ADD, { a: a.tensor(), b: b.tensor() });
    return this.input(data, a.rows, a.columns);
  }

  async layerNorm(x: HostMatrix, gain: HostMatrix, bias: HostMatrix): Promise<HostMatrix> {
    const vector = (matrix: HostMatrix) => new Tensor('float32', matrix.data, [matrix.columns]);
    const feeds = { x: x.tensor(), gain: vector(gain), bias: vector(bias) };
    const data = await this.#run('layer norm', () => LAYER_NORM, feeds);
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

  async scope<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#scopeBytes;
    try {
      return await run();
    } finally {
      this.#scopeBytes = before;
    }
  }

  memory(): number {
    return this.#weightBytes + this.#scopeBytes;
  }

  async dispose(): Promise<void> {
    const sessions = await Promise.all(this.#sessions.values());
    this.#sessions.clear();
    await Promise.all(sessions.map((session) => session.release()));
  }

  async #run(key: string, model: () => OnnxModel, feeds: Record<string, Tensor>): Promise<Float32Array> {
    const { y } = await this.#runAll(key, model, feeds);
    return y.data as Float32Array;
  }

  async #runAll(
    key: string,
    model: () => OnnxModel,
    feeds: Record<string, Tensor>,
  ): Promise<Readonly<Record<string, Tensor>>> {
    let session = this.#sessions.get(key);
    if (!session) {
      session = createSession(model(), this.#threads);
      this.#sessions.set(key, session);
    }
    return (await (await session).run(feeds)) as Record<string, Tensor>;
  }
}

/** A vector of sizes, as operations take them. */
const sizes = (...values: number[]) =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

/** @param threads how many compute; null for one on each core */
export async function createOnnxruntimeEngine(threads: number | null = null): Promise<OnnxruntimeEngine> {
  return new OnnxruntimeEngine(threads);
}
