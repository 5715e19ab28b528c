import type { Activation, AttentionBias, Engine, Linear } from '../engine.js';
import { collectGarbage } from './collect-garbage.js';
import { env, Tensor } from './library.js';
import type { OnnxModel } from './model.js';
import {
  ADD,
  attentionModel,
  concatModel,
  GATHER,
  gatheredLinearModel,
  IDENTITY,
  LAYER_NORM_OF_ROWS,
  linearModel,
  MAX_SCORES,
  RESHAPE,
  SLICE,
} from './models.js';
import { countRows, joinRows, rowNumbers, sliceRuns, type WeightRows } from './row-runs.js';
import { createDeviceSession } from './session.js';
import { SessionCache } from './session-cache.js';
import { DeviceBuffer, isWhole, WebgpuMatrix, Weight } from './webgpu-matrix.js';

/** Size of the largest buffer that every WebGPU device supports, in bytes. */
const MAX_BUFFER_BYTES = 256 * 2 ** 20;

/** Entries of weight rows that one product gathers: 64 MB on the device. */
const GATHERED_ENTRIES = 16 * 2 ** 20;

/**
 * Largest number of inputs of one Concat: a shader has room for few buffers, and each number of inputs needs its own
 * model.
 */
const CONCAT_AT_ONCE = 8;

export interface WebgpuOptions {
  /** Largest size of a buffer, in bytes. Larger weights are split. */
  readonly maxBufferBytes?: number;
}

/**
 * Runs onnxruntime's WebGPU code, on GPUs of any maker, by Vulkan, Metal or Direct3D. Weights and results are in
 * buffers of the device; only `read` copies values to the host.
 */
class WebgpuEngine implements Engine<WebgpuMatrix> {
  readonly name = 'onnxruntime';
  readonly version = env.versions.node ?? env.versions.common;
  readonly device = 'webgpu';
  readonly limits = { scoresAtOnce: MAX_SCORES, headsAtOnce: null };
  readonly gatheredEntries = GATHERED_ENTRIES;
  readonly #maxBufferBytes: number;
  readonly #sessions = new SessionCache();
  readonly #weights: Weight[] = [];
  readonly #scopes: DeviceBuffer[][] = [];
  #bytes = 0;

  constructor({ maxBufferBytes = MAX_BUFFER_BYTES }: WebgpuOptions) {
    this.#maxBufferBytes = maxBufferBytes;
  }

  upload(data: Float32Array, rows: number, columns: number): WebgpuMatrix {
    this.#bytes += data.byteLength;
    const weight = new Weight(data, rows, columns, this.#maxBufferBytes);
    this.#weights.push(weight);
    return new WebgpuMatrix({ weight, runs: [[0, rows]] }, rows, columns);
  }

  input(data: Float32Array, rows: number, columns: number): WebgpuMatrix {
    return this.#own(new DeviceBuffer(data, rows, columns), rows, columns);
  }

  async read({ source }: WebgpuMatrix): Promise<Float32Array> {
    if (source instanceof DeviceBuffer) return this.#valuesOf(source);
    const { weight, runs } = source;
    const values = new Float32Array(countRows(runs) * weight.columns);
    const whole = await this.#gather(source);
    values.set(await this.#valuesOf(whole));
    if (!isWhole(source)) whole.free();
    return values;
  }

  async slice(matrix: WebgpuMatrix, start: number, end: number): Promise<WebgpuMatrix> {
    const { source, columns } = matrix;
    if (!(source instanceof DeviceBuffer)) {
      return new WebgpuMatrix({ ...source, runs: sliceRuns(source.runs, start, end) }, end - start, columns);
    }
    return this.#result(end - start, columns, 'slice', () => SLICE, {
      x: await this.#tensor(matrix),
      start: int64(start),
      end: int64(end),
    });
  }

  async concat(matrices: readonly WebgpuMatrix[]): Promise<WebgpuMatrix> {
    const rowsOfOne = joinRows(
      matrices.map(({ source }) => (source instanceof DeviceBuffer ? null : source)),
    );
    if (rowsOfOne) return new WebgpuMatrix(rowsOfOne, countRows(rowsOfOne.runs), matrices[0].columns);
    return this.#concat(matrices, 0);
  }

  async reshape(matrix: WebgpuMatrix, rows: number): Promise<WebgpuMatrix> {
    const columns = (matrix.rows * matrix.columns) / rows;
    return this.#result(rows, columns, 'reshape', () => RESHAPE, {
      x: await this.#tensor(matrix),
      shape: int64(rows, columns),
    });
  }

  async linear(
    x: WebgpuMatrix,
    { weight, bias }: Linear<WebgpuMatrix>,
    activation: Activation = 'none',
  ): Promise<WebgpuMatrix> {
    const withBias = bias !== null;
    const feeds: Record<string, Tensor> = { x: await this.#tensor(x) };
    if (weight.source instanceof DeviceBuffer || isWhole(weight.source)) {
      if (bias) feeds.bias = await this.#tensor(bias);
      feeds.weight = await this.#tensor(weight);
      const key = `linear ${withBias} ${activation}`;
      return this.#result(x.rows, weight.rows, key, () => linearModel(withBias, activation), feeds);
    }
    const products: WebgpuMatrix[] = [];
    let from = 0;
    for (const { buffer, runs, first } of weight.source.weight.partsOf(weight.source.runs)) {
      const row = rowNumbers(runs, first);
      if (bias) feeds.bias = await this.#tensor(await this.#columnsOf(bias, from, from + row.length));
      feeds.weight = await this.#tensorOf(buffer);
      feeds.row = new Tensor('int32', row, [row.length]);
      const key = `gathered linear ${withBias} ${activation}`;
      const model = () => gatheredLinearModel(withBias, activation);
      products.push(await this.#result(x.rows, row.length, key, model, feeds));
      from += row.length;
    }
    return this.#concat(products, 1);
  }

  async add(a: WebgpuMatrix, b: WebgpuMatrix): Promise<WebgpuMatrix> {
    const feeds = { a: await this.#tensor(a), b: await this.#tensor(b) };
    return this.#result(a.rows, a.columns, 'add', () => ADD, feeds);
  }

  async layerNorm(x: WebgpuMatrix, gain: WebgpuMatrix, bias: WebgpuMatrix): Promise<WebgpuMatrix> {
    return this.#result(x.rows, x.columns, 'layer norm', () => LAYER_NORM_OF_ROWS, {
      x: await this.#tensor(x),
      gain: await this.#tensor(gain),
      bias: await this.#tensor(bias),
    });
  }

  async attention(
    qkv: WebgpuMatrix,
    bias: AttentionBias<WebgpuMatrix>,
    heads: number,
  ): Promise<WebgpuMatrix> {
    const nodes = qkv.rows;
    const hidden = qkv.columns / 3;
    const chunk = Math.max(1, Math.floor(MAX_SCORES / (nodes * heads)));
    const parts: WebgpuMatrix[] = [];
    for (let start = 0; start < nodes; start += chunk) {
      const end = Math.min(nodes, start + chunk);
      const queries = end - start === nodes ? qkv : await this.slice(qkv, start, end);
      const feeds = {
        queries: await this.#tensor(queries),
        qkv: await this.#tensor(qkv),
        table: await this.#tensor(bias.table),
        row: new Tensor('int32', bias.row.subarray(start * nodes, end * nodes), [end - start, nodes]),
      };
      const model = () => attentionModel(heads, hidden);
      parts.push(await this.#result(end - start, hidden, `attention ${heads} ${hidden}`, model, feeds));
    }
    return this.#concat(parts, 0);
  }

  async settle(): Promise<void> {
    for (const { parts } of this.#weights) for (const { buffer } of parts) await this.#tensorOf(buffer);
    collectGarbage();
  }

  async scope<T>(run: () => Promise<T>): Promise<T> {
    const own: DeviceBuffer[] = [];
    this.#scopes.push(own);
    try {
      return await run();
    } finally {
      this.#scopes.splice(this.#scopes.indexOf(own), 1);
      for (const buffer of own) {
        this.#bytes -= buffer.bytes;
        buffer.free();
      }
    }
  }

  memory(): number {
    return this.#bytes;
  }

  async dispose(): Promise<void> {
    for (const { parts } of this.#weights) for (const { buffer } of parts) buffer.free();
    this.#weights.length = 0;
    this.#bytes = 0;
    await this.#sessions.release();
  }

  /** Returns columns `start` to `end` - 1 of a matrix of one row, or the matrix itself if these are all its columns. */
  async #columnsOf(matrix: WebgpuMatrix, start: number, end: number): Promise<WebgpuMatrix> {
    if (end - start === matrix.columns) return matrix;
    const column = await this.reshape(matrix, matrix.columns);
    return this.reshape(await this.slice(column, start, end), 1);
  }

  /** Concatenates along an axis, a few matrices at a time: 0 for one below the other, 1 for side by side. */
  async #concat(matrices: readonly WebgpuMatrix[], axis: 0 | 1): Promise<WebgpuMatrix> {
    let level = matrices;
    while (level.length > 1) {
      const next: WebgpuMatrix[] = [];
      for (let at = 0; at < level.length; at += CONCAT_AT_ONCE) {
        const group = level.slice(at, at + CONCAT_AT_ONCE);
        next.push(group.length === 1 ? group[0] : await this.#concatOnce(group, axis));
      }
      level = next;
    }
    return level[0];
  }

  async #concatOnce(matrices: readonly WebgpuMatrix[], axis: 0 | 1): Promise<WebgpuMatrix> {
    const feeds: Record<string, Tensor> = {};
    for (const [index, matrix] of matrices.entries()) feeds[`x${index}`] = await this.#tensor(matrix);
    const sum = (size: 'rows' | 'columns') => matrices.reduce((total, matrix) => total + matrix[size], 0);
    const [{ rows, columns }] = matrices;
    const key = `concat ${matrices.length} ${axis}`;
    const model = () => concatModel(matrices.length, axis);
    return axis === 0
      ? this.#result(sum('rows'), columns, key, model, feeds)
      : this.#result(rows, sum('columns'), key, model, feeds);
  }

  /** Copies rows of a weight into one buffer, which is freed with the scope. */
  async #gather({ weight, runs }: WeightRows<Weight>): Promise<DeviceBuffer> {
    if (isWhole({ weight, runs })) return weight.parts[0].buffer;
    const gathered: WebgpuMatrix[] = [];
    for (const part of weight.partsOf(runs)) {
      const row = rowNumbers(part.runs, part.first);
      const feeds = {
        x: await this.#tensorOf(part.buffer),
        row: new Tensor('int32', row, [row.length]),
      };
      gathered.push(await this.#result(row.length, weight.columns, 'gather', () => GATHER, feeds));
    }
    return (await this.#concat(gathered, 0)).source as DeviceBuffer;
  }

  async #tensor({ source }: WebgpuMatrix): Promise<Tensor> {
    return this.#tensorOf(source instanceof DeviceBuffer ? source : await this.#gather(source));
  }

  #tensorOf(buffer: DeviceBuffer): Promise<Tensor> {
    return buffer.tensor((x) => this.#run('move', () => IDENTITY, { x }));
  }

  async #valuesOf(buffer: DeviceBuffer): Promise<Float32Array> {
    if (buffer.host) return buffer.host;
    const y = await this.#run('read', () => IDENTITY, { x: await this.#tensorOf(buffer) }, 'cpu');
    return y.data as Float32Array;
  }

  async #result(
    rows: number,
    columns: number,
    key: string,
    model: () => OnnxModel,
    feeds: Record<string, Tensor>,
  ): Promise<WebgpuMatrix> {
    return this.#own(new DeviceBuffer(await this.#run(key, model, feeds), rows, columns), rows, columns);
  }

  /** Registers a result with the current scope. Outside of any scope, it lives as long as the engine. */
  #own(buffer: DeviceBuffer, rows: number, columns: number): WebgpuMatrix {
    const scope = this.#scopes[this.#scopes.length - 1];
    if (scope) {
      this.#bytes += buffer.bytes;
      scope.push(buffer);
    }
    return new WebgpuMatrix(buffer, rows, columns);
  }

  async #run(
    key: string,
    model: () => OnnxModel,
    feeds: Record<string, Tensor>,
    output: 'cpu' | 'gpu-buffer' = 'gpu-buffer',
  ): Promise<Tensor> {
    const session = await this.#sessions.get(key, () => createDeviceSession(model(), 'webgpu', output));
    const { y } = await session.run(feeds);
    return y;
  }
}

const int64 = (...values: number[]) =>
  new Tensor('int64', BigInt64Array.from(values.map(BigInt)), [values.length]);

/** @throws if there is no GPU that WebGPU can use */
export async function createWebgpuEngine(options: WebgpuOptions = {}): Promise<Engine> {
  const engine = new WebgpuEngine(options);
  try {
    await engine.scope(async () => {
      const one = engine.input(Float32Array.of(1), 1, 1);
      return engine.read(await engine.add(one, one));
    });
  } catch (cause) {
    const [reason] = (cause as Error).message.split('\n', 1);
    throw new Error(
      `onnxruntime found no GPU for WebGPU (${reason}). On Linux it needs the Vulkan driver of the card's maker and ` +
        'libvulkan.so.1 and libEGL.so.1 (packages libvulkan1 and libegl1); in a container the driver capability `graphics` ' +
        '(NVIDIA_DRIVER_CAPABILITIES=all).',
      { cause },
    );
  }
  return engine as unknown as Engine;
}
