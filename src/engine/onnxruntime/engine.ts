import type { Activation, AttentionBias, Engine, Linear, Matrix } from '../engine.js';
import { env, type InferenceSession, Tensor } from './library.js';
import type { OnnxModel } from './model.js';
import { ADD, attentionModel, LAYER_NORM, linearModel, MAX_SCORES } from './models.js';
import { createSession } from './session.js';

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
  readonly limits = { scoresAtOnce: MAX_SCORES, headsAtOnce: null };
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
    const chunk = Math.max(1, Math.floor(MAX_SCORES / (nodes * heads)));
    const parts: HostMatrix[] = [];
    for (let start = 0; start < nodes; start += chunk) {
      const end = Math.min(nodes, start + chunk);
      const row = bias.row.subarray(start * nodes, end * nodes);
      const feeds = {
        queries: this.slice(qkv, start, end).tensor(),
        qkv: qkv.tensor(),
        table: bias.table.tensor(),
        row: new Tensor('int32', row, [end - start, nodes]),
      };
      const model = () => attentionModel(heads, hidden);
      parts.push(
        this.input(await this.#run(`attention ${heads} ${hidden}`, model, feeds), end - start, hidden),
      );
    }
    return this.concat(parts);
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
    let session = this.#sessions.get(key);
    if (!session) {
      session = createSession(model(), this.#threads);
      this.#sessions.set(key, session);
    }
    const { y } = await (await session).run(feeds);
    return y.data as Float32Array;
  }
}

/** @param threads how many compute; null for one on each core */
export async function createOnnxruntimeEngine(threads: number | null = null): Promise<OnnxruntimeEngine> {
  return new OnnxruntimeEngine(threads);
}
