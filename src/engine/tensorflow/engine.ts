import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { Activation, AttentionBias, Engine, EngineLimits, Linear, Matrix } from '../engine.js';
import { attention, attentionCount, MAX_SCORES } from './attention.js';
import type { TensorflowBackend } from './backend.js';

/** Added to a variance before dividing by it (docs/ghn.md, section 3). */
const LAYER_NORM_EPSILON = 1e-5;

class TensorMatrix implements Matrix {
  readonly tensor: Tensor2D;

  constructor(tensor: Tensor2D) {
    this.tensor = tensor;
  }

  get rows(): number {
    return this.tensor.shape[0];
  }

  get columns(): number {
    return this.tensor.shape[1];
  }
}

/**
 * Runs TensorFlow.js. A process has only one active backend and one stack of scopes, so it may use only one such engine
 * at a time.
 */
class TensorflowEngine implements Engine<TensorMatrix> {
  readonly name: 'tensorflow' | 'wasm';
  readonly version: string;
  readonly device: 'cpu' | 'cuda';
  readonly limits: EngineLimits;
  readonly gatheredEntries = null;
  readonly #backend: TensorflowBackend;
  readonly #weights: Tensor2D[] = [];
  #weightBytes = 0;

  constructor(backend: TensorflowBackend) {
    this.name = backend.name;
    this.version = backend.version;
    this.device = backend.device;
    const { headsAtOnce } = backend;
    this.limits = {
      scoresAtOnce: MAX_SCORES,
      headsAtOnce: Number.isFinite(headsAtOnce) ? headsAtOnce : null,
    };
    this.#backend = backend;
  }

  /** @throws if the weights exceed the backend's limit, or the device's memory is full */
  upload(data: Float32Array, rows: number, columns: number): TensorMatrix {
    const { tf, maxWeightBytes } = this.#backend;
    if (this.#weightBytes + data.byteLength > maxWeightBytes) {
      throw new Error(
        `The GHN's weights take more than ${maxWeightBytes / 2 ** 20} MiB, which is what WebAssembly's memory holds beside ` +
          "a prediction's results: a GHN-3-XL needs ENGINE=onnxruntime, or ENGINE=tensorflow with its native library.",
      );
    }
    const weight = this.input(data, rows, columns);
    this.#weights.push(tf.keep(weight.tensor));
    this.#weightBytes += data.byteLength;
    return weight;
  }

  input(data: Float32Array, rows: number, columns: number): TensorMatrix {
    this.#backend.reserve(data.length);
    const tensor = this.#backend.tf.tensor2d(data, [rows, columns], 'float32');
    this.#backend.settle(tensor);
    return new TensorMatrix(tensor);
  }

  read({ tensor }: TensorMatrix): Float32Array {
    return tensor.dataSync<'float32'>();
  }

  slice({ tensor }: TensorMatrix, start: number, end: number): TensorMatrix {
    return new TensorMatrix(this.#backend.rows(tensor, start, end));
  }

  concat(matrices: readonly TensorMatrix[]): TensorMatrix {
    const tensors = matrices.map(({ tensor }) => tensor);
    const count = tensors.reduce((sum, { size }) => sum + size, 0);
    return this.#compute(count, () => this.#backend.tf.concat(tensors));
  }

  reshape({ tensor }: TensorMatrix, rows: number): TensorMatrix {
    return this.#compute(0, () => this.#backend.tf.reshape(tensor, [rows, tensor.size / rows]));
  }

  linear(
    { tensor: x }: TensorMatrix,
    { weight: { tensor: weight }, bias }: Linear<TensorMatrix>,
    activation: Activation = 'none',
  ): TensorMatrix {
    const { tf } = this.#backend;
    const count = 3 * x.shape[0] * weight.shape[0] + 2 * Math.min(x.size, weight.size);
    return this.#compute(count, () => {
      let y = this.#backend.timesTransposed(x, weight);
      if (bias) y = spend(y, (product) => tf.add(product, bias.tensor));
      if (activation === 'relu') y = spend(y, (sum) => tf.relu(sum));
      if (activation === 'gelu') y = spend(y, (sum) => this.#gelu(sum));
      return y;
    });
  }

  add({ tensor: a }: TensorMatrix, { tensor: b }: TensorMatrix): TensorMatrix {
    return this.#compute(a.size, () => this.#backend.tf.add(a, b));
  }

  layerNorm({ tensor: x }: TensorMatrix, gain: TensorMatrix, bias: TensorMatrix): TensorMatrix {
    const { tf } = this.#backend;
    return this.#compute(5 * x.size, () => {
      const centred = tf.sub(x, tf.mean(x, 1, true));
      const variance = tf.mean(tf.square(centred), 1, true);
      const scaled = tf.mul(centred, tf.rsqrt(tf.add(variance, LAYER_NORM_EPSILON)));
      return tf.add(tf.mul(scaled, gain.tensor), bias.tensor);
    });
  }

  attention({ tensor: qkv }: TensorMatrix, bias: AttentionBias<TensorMatrix>, heads: number): TensorMatrix {
    const [nodes, width] = qkv.shape;
    const together = Math.min(heads, this.#backend.headsAtOnce);
    return this.#compute(attentionCount(nodes, width / 3, together), () =>
      attention(this.#backend, qkv, { table: bias.table.tensor, row: bias.row }, heads),
    );
  }

  async scope<T>(run: () => Promise<T>): Promise<T> {
    const engine = this.#backend.tf.engine();
    engine.startScope();
    try {
      return await run();
    } finally {
      engine.endScope();
    }
  }

  memory(): number {
    return this.#backend.memory();
  }

  dispose(): void {
    this.#backend.tf.dispose(this.#weights);
    this.#weights.length = 0;
    this.#weightBytes = 0;
  }

  /** Runs an operation that needs at most `count` float32 values, and keeps only its result. */
  #compute(count: number, operation: () => Tensor2D): TensorMatrix {
    if (count > 0) this.#backend.reserve(count);
    return new TensorMatrix(this.#backend.tf.tidy(operation));
  }

  /** Computes x·Φ(x) with erf, not with tanh. */
  #gelu(x: Tensor2D): Tensor2D {
    const { tf } = this.#backend;
    const erf = spend(tf.mul(x, Math.SQRT1_2), (scaled: Tensor2D) => tf.erf(scaled));
    const twice = spend(erf, (value) => tf.add(value, 1));
    const product = spend(twice, (value) => tf.mul(value, x));
    return spend(product, (value) => tf.mul(value, 0.5));
  }
}

/** Computes the next step from a tensor and frees it, so that a chain of steps takes the memory of two tensors. */
function spend(tensor: Tensor2D, step: (tensor: Tensor2D) => Tensor2D): Tensor2D {
  const next = step(tensor);
  tensor.dispose();
  return next;
}

export interface TensorflowOptions {
  readonly backend: 'wasm' | 'native';
  /** WebAssembly runs only on the CPU. */
  readonly device: 'cpu' | 'cuda';
}

/**
 * Creates an engine that runs TensorFlow.js on one of its backends. `native` is TensorFlow's C++ library, from
 * `@tensorflow/tfjs-node` or, on the GPU, from `@tensorflow/tfjs-node-gpu`.
 *
 * @throws if the backend is not available, with the reason and the remedy
 */
export async function createTensorflowEngine({ backend, device }: TensorflowOptions): Promise<Engine> {
  if (backend === 'native') {
    const { createNativeBackend } = await import('./native.js');
    return new TensorflowEngine(await createNativeBackend(device));
  }
  if (device === 'cuda') throw new Error('WebAssembly runs on the CPU: for the GPU use ENGINE=tensorflow.');
  const { createWasmBackend } = await import('./wasm.js');
  return new TensorflowEngine(await createWasmBackend());
}
