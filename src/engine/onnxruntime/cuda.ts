import type { Activation, AttentionBias, Computation, Engine, Linear } from '../engine.js';
import { collectGarbage } from './collect-garbage.js';
import { explainMissingCuda } from './cuda-libraries.js';
import { CudaMatrix, Weight } from './cuda-matrix.js';
import { env, type InferenceSession, Tensor } from './library.js';
import type { OnnxModel } from './model.js';
import { ADD, attentionModel, GELU, heldWeightModel, LAYER_NORM, linearModel, MAX_SCORES } from './models.js';
import { checkPrecision, ImpreciseError } from './precision.js';
import { Recorder } from './recorder.js';
import { countRows, joinRows, type RowRuns, rowNumbers, sliceRuns, valuesOfRuns } from './row-runs.js';
import { createDeviceSession } from './session.js';
import { SessionCache } from './session-cache.js';

/** Smaller weights, and vectors, stay in the process's memory and go to the device with each product. */
const SMALLEST_HELD = 2 ** 18;

/** Entries of weight rows that one product gathers: 256 MB on the device. */
const GATHERED_ENTRIES = 64 * 2 ** 20;

export interface CudaOptions {
  /** For tests on machines without a GPU, `cpu` runs the same sessions on the CPU. */
  readonly provider?: 'cuda' | 'cpu';
  /** Weights with at least this many entries are held on the device. */
  readonly smallestHeld?: number;
}

/**
 * Runs onnxruntime on an NVIDIA GPU. onnxruntime-node keeps no tensors on a CUDA device except the weights of a
 * session. So each large weight is held by a session, either one that multiplies by any of its rows or that of a
 * recording. The results of a session return to the host when it ends.
 */
class CudaEngine implements Engine<CudaMatrix> {
  readonly name = 'onnxruntime';
  readonly version = env.versions.node ?? env.versions.common;
  readonly device: 'cuda' | 'cpu';
  readonly limits = { scoresAtOnce: MAX_SCORES, headsAtOnce: null };
  readonly gatheredEntries = GATHERED_ENTRIES;
  readonly #provider: 'cuda' | 'cpu';
  readonly #smallestHeld: number;
  readonly #sessions = new SessionCache();
  readonly #recordings: InferenceSession[] = [];
  readonly #weights: Weight[] = [];
  #weightBytes = 0;
  #scopeBytes = 0;

  constructor({ provider = 'cuda', smallestHeld = SMALLEST_HELD }: CudaOptions) {
    this.device = provider;
    this.#provider = provider;
    this.#smallestHeld = smallestHeld;
  }

  upload(data: Float32Array, rows: number, columns: number): CudaMatrix {
    this.#weightBytes += data.byteLength;
    const weight = new Weight(data, rows, columns);
    this.#weights.push(weight);
    return new CudaMatrix({ weight, runs: [[0, rows]] }, rows, columns);
  }

  input(data: Float32Array, rows: number, columns: number): CudaMatrix {
    this.#scopeBytes += data.byteLength;
    return new CudaMatrix(data, rows, columns);
  }

  async read({ source }: CudaMatrix): Promise<Float32Array> {
    if (source instanceof Float32Array) return source;
    const { weight, runs } = source;
    if (weight.data) return valuesOfRuns(weight.data, weight.columns, runs);
    const x = new Tensor('float32', new Float32Array(weight.columns), [1, weight.columns]);
    return this.#runHeld(weight, runs, 'rows', { x, bias: scalar(0), floor: scalar(0) });
  }

  slice({ source, columns }: CudaMatrix, start: number, end: number): CudaMatrix {
    const rows = end - start;
    if (source instanceof Float32Array) {
      return new CudaMatrix(source.subarray(start * columns, end * columns), rows, columns);
    }
    return new CudaMatrix({ ...source, runs: sliceRuns(source.runs, start, end) }, rows, columns);
  }

  async concat(matrices: readonly CudaMatrix[]): Promise<CudaMatrix> {
    if (matrices.length === 1) return matrices[0];
    const { columns } = matrices[0];
    const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
    const rowsOfOne = joinRows(
      matrices.map(({ source }) => (source instanceof Float32Array ? null : source)),
    );
    if (rowsOfOne) return new CudaMatrix(rowsOfOne, rows, columns);
    const data = new Float32Array(rows * columns);
    let at = 0;
    for (const matrix of matrices) {
      data.set(await this.read(matrix), at);
      at += matrix.rows * columns;
    }
    return this.input(data, rows, columns);
  }

  async reshape(matrix: CudaMatrix, rows: number): Promise<CudaMatrix> {
    const data = await this.read(matrix);
    return new CudaMatrix(data, rows, data.length / rows);
  }

  async linear(
    x: CudaMatrix,
    { weight, bias }: Linear<CudaMatrix>,
    activation: Activation = 'none',
  ): Promise<CudaMatrix> {
    const own = weight.source instanceof Float32Array ? null : weight.source;
    if (!own || !this.#isHeld(own.weight)) {
      const feeds: Record<string, Tensor> = { x: await this.#tensor(x), weight: await this.#tensor(weight) };
      if (bias) feeds.bias = await this.#tensor(bias);
      const key = `linear ${bias !== null} ${activation}`;
      const y = await this.#run(key, () => linearModel(bias !== null, activation), feeds);
      return this.input(y, x.rows, weight.rows);
    }
    const feeds = {
      x: await this.#tensor(x),
      bias: bias ? new Tensor('float32', await this.read(bias), [weight.rows]) : scalar(0),
      floor: scalar(activation === 'relu' ? 0 : Number.NEGATIVE_INFINITY),
    };
    let y = await this.#runHeld(own.weight, own.runs, 'y', feeds);
    if (activation === 'gelu') {
      y = await this.#run('gelu', () => GELU, { x: new Tensor('float32', y, [x.rows, weight.rows]) });
    }
    return this.input(y, x.rows, weight.rows);
  }

  async add(a: CudaMatrix, b: CudaMatrix): Promise<CudaMatrix> {
    const feeds = { a: await this.#tensor(a), b: await this.#tensor(b) };
    return this.input(await this.#run('add', () => ADD, feeds), a.rows, a.columns);
  }

  async layerNorm(x: CudaMatrix, gain: CudaMatrix, bias: CudaMatrix): Promise<CudaMatrix> {
    const vector = async (matrix: CudaMatrix) =>
      new Tensor('float32', await this.read(matrix), [matrix.columns]);
    const feeds = { x: await this.#tensor(x), gain: await vector(gain), bias: await vector(bias) };
    return this.input(await this.#run('layer norm', () => LAYER_NORM, feeds), x.rows, x.columns);
  }

  async attention(qkv: CudaMatrix, bias: AttentionBias<CudaMatrix>, heads: number): Promise<CudaMatrix> {
    const nodes = qkv.rows;
    const hidden = qkv.columns / 3;
    const chunk = queriesAtOnce(nodes, heads);
    const shared = { qkv: await this.#tensor(qkv), table: await this.#tensor(bias.table) };
    const parts: CudaMatrix[] = [];
    for (let start = 0; start < nodes; start += chunk) {
      const end = Math.min(nodes, start + chunk);
      const feeds = {
        ...shared,
        queries: await this.#tensor(this.slice(qkv, start, end)),
        row: new Tensor('int32', bias.row.subarray(start * nodes, end * nodes), [end - start, nodes]),
      };
      const y = await this.#run(`attention ${heads} ${hidden}`, () => attentionModel(heads, hidden), feeds);
      parts.push(this.input(y, end - start, hidden));
    }
    return this.concat(parts);
  }

  async record(computation: Computation<CudaMatrix>, columns: number) {
    const recorder = new Recorder<CudaMatrix, Weight>(
      ({ source }) => (source instanceof Float32Array ? null : source.weight),
      (width) => new CudaMatrix(new Float32Array(0), 0, width),
      'in passes',
    );
    const y = await computation(recorder, recorder.input(columns), new Int32Array(0));
    const { model, weights, heads } = recorder.finish(y);
    const data: Record<string, Float32Array> = {};
    for (const [weight, name] of weights) data[name] = weight.data!;
    const session = await createDeviceSession(model, this.#provider, 'cpu', data);
    this.#recordings.push(session);
    for (const weight of weights.keys()) {
      weight.data = null;
      weight.session = 'recorded';
    }
    return async (x: CudaMatrix, rows: Int32Array) => {
      const nodes = x.rows;
      const chunk = queriesAtOnce(nodes, heads);
      const result = await session.run({
        x: await this.#tensor(x),
        rows: new Tensor('int32', rows, [nodes, nodes]),
        queries_at_once: int64(chunk),
        passes: int64(Math.ceil(nodes / chunk)),
      });
      return this.input(result.y.data as Float32Array, nodes, y.columns);
    };
  }

  /** Moves the weights that no recording has taken to the device. */
  async settle(): Promise<void> {
    for (const weight of this.#weights) {
      if (weight.session === null && this.#isHeld(weight)) await this.#sessionOf(weight);
    }
    collectGarbage();
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
    const held = this.#weights.flatMap(({ session }) => (session instanceof Promise ? [session] : []));
    const recordings = this.#recordings.splice(0);
    this.#weights.length = 0;
    this.#weightBytes = 0;
    await this.#sessions.release();
    for (const session of [...(await Promise.all(held)), ...recordings]) await session.release();
  }

  async #tensor(matrix: CudaMatrix): Promise<Tensor> {
    return new Tensor('float32', await this.read(matrix), [matrix.rows, matrix.columns]);
  }

  #isHeld({ rows, columns }: Weight): boolean {
    return rows > 1 && columns > 1 && rows * columns >= this.#smallestHeld;
  }

  #sessionOf(weight: Weight): Promise<InferenceSession> {
    if (weight.session === 'recorded') throw new Error('this weight belongs to a recorded computation');
    if (!weight.session) {
      const { rows, columns } = weight;
      weight.session = createDeviceSession(heldWeightModel(rows, columns), this.#provider, 'cpu', {
        weight: weight.data!,
      }).then((session) => {
        weight.data = null;
        return session;
      });
    }
    return weight.session;
  }

  async #runHeld(weight: Weight, runs: RowRuns, output: 'y' | 'rows', feeds: Record<string, Tensor>) {
    const row = new Tensor('int32', rowNumbers(runs), [countRows(runs)]);
    const session = await this.#sessionOf(weight);
    const result = await session.run({ ...feeds, row }, [output]);
    return result[output].data as Float32Array;
  }

  async #run(key: string, model: () => OnnxModel, feeds: Record<string, Tensor>): Promise<Float32Array> {
    const session = await this.#sessions.get(key, () => createDeviceSession(model(), this.#provider, 'cpu'));
    const { y } = await session.run(feeds);
    return y.data as Float32Array;
  }
}

const scalar = (value: number) => new Tensor('float32', Float32Array.of(value), [1]);
const int64 = (value: number) => new Tensor('int64', BigInt64Array.of(BigInt(value)), [1]);

const queriesAtOnce = (nodes: number, heads: number) => Math.max(1, Math.floor(MAX_SCORES / (nodes * heads)));

/**
 * @throws if the GPU or onnxruntime's library for it is not available, or if products are rounded; the message gives
 * the reason and the remedy
 */
export async function createCudaEngine(options: CudaOptions = {}): Promise<Engine> {
  // From the Ampere generation on cuBLAS would round float32 factors to 10 bits (TF32): errors of 1e-3. onnxruntime-node
  // passes no option for it on. cuBLAS reads the variable when the first session is made.
  process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  const engine = new CudaEngine(options);
  try {
    await checkPrecision(engine);
  } catch (error) {
    await engine.dispose();
    if (error instanceof ImpreciseError) throw error;
    const message = await explainMissingCuda((error as Error).message, engine.version);
    throw new Error(message, { cause: error });
  }
  return engine as unknown as Engine;
}
