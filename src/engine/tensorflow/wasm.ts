import { BackendWasm, version_wasm } from '@tensorflow/tfjs-backend-wasm';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { OutOfMemoryError } from '../out-of-memory.js';
import type { TensorflowBackend } from './backend.js';

/** End of WebAssembly's address space: 32 bits, minus the page that Emscripten reserves. */
const ADDRESSABLE_BYTES = 2 ** 32 - 2 ** 16;

/**
 * Largest total size of a GHN's weights on WebAssembly: half of its address space. The other half is for the
 * intermediate results of a prediction, and for fragmentation. A GHN-3-L takes 0.9 GB, a GHN-3-XL 2.6 GB.
 */
export const MAX_WASM_WEIGHT_BYTES = 2 ** 31;

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

type DataId = Tensor['dataId'];

/** The heap functions that Emscripten exports. The package has no types for them. */
interface Heap {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/**
 * TensorFlow.js' WebAssembly backend, extended with views: tensors that are rows of another tensor and own no memory.
 */
class WasmWithViews extends BackendWasm {
  readonly #views = new Set<DataId>();
  viewedBytes = 0;

  /**
   * Returns entries `start` to `end` - 1 along the first axis. TensorFlow.js' own slice would copy all of `tensor`
   * first.
   */
  view<T extends Tensor>(tensor: T, start: number, end: number): T {
    const [length, ...rest] = tensor.shape;
    const rowBytes = (tensor.size / length) * FLOAT_BYTES;
    const offset = this.getMemoryOffset(tensor.dataId) + start * rowBytes;
    const view = this.makeOutput([end - start, ...rest], tensor.dtype, offset);
    this.#views.add(view.dataId);
    this.viewedBytes += (end - start) * rowBytes;
    return tf.engine().makeTensorFromTensorInfo(view) as T;
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (this.#views.has(dataId) && (force || this.refCount(dataId) === 1)) {
      const data = this.dataIdMap.get(dataId);
      this.viewedBytes -= tf.util.sizeFromShape(data.shape) * FLOAT_BYTES;
      // The memory belongs to another tensor; freeing address 0 frees nothing.
      data.memoryOffset = 0;
      this.#views.delete(dataId);
    }
    return super.disposeData(dataId, force);
  }
}

async function start(): Promise<WasmWithViews> {
  const create = tf.findBackendFactory('wasm');
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', async () => new WasmWithViews(((await create()) as BackendWasm).wasm));
  await tf.setBackend('wasm');
  return tf.backend() as WasmWithViews;
}

let started: Promise<WasmWithViews> | undefined;

/** Creates TensorFlow.js' WebAssembly backend, which runs on any platform, with one thread. */
export async function createWasmBackend(): Promise<TensorflowBackend> {
  started ??= start();
  const backend = await started;
  const heap = backend.wasm as unknown as Heap;
  await tf.setBackend('wasm');
  const memory = () => tf.memory().numBytes - backend.viewedBytes;

  return {
    tf,
    name: 'wasm',
    version: `@tensorflow/tfjs-backend-wasm ${version_wasm}`,
    device: 'cpu',
    maxWeightBytes: MAX_WASM_WEIGHT_BYTES,
    headsAtOnce: 1,
    // XNNPACK multiplies at full speed only if no factor is transposed and there is no batch. It packs the right factor
    // and caches the copy by the id of its data, whatever its shape, until that is disposed. So the right factor is
    // never a weight, but a transpose made for this product, of the smaller of the two factors.
    timesTransposed: (x, weight) =>
      x.shape[0] < weight.shape[0]
        ? tf.transpose(tf.matMul(weight, tf.transpose(x)))
        : tf.matMul(x, tf.transpose(weight)),
    rows: (tensor, start, end) => backend.view(tensor, start, end),
    lookUp(table, columns) {
      // The gather of TensorFlow.js takes ten times as long.
      const values = table.dataSync();
      const [rows, width] = table.shape;
      const result = new Float32Array(rows * columns.length);
      for (let row = 0; row < rows; row++) {
        const from = row * width;
        const to = row * columns.length;
        for (let k = 0; k < columns.length; k++) result[to + k] = values[from + columns[k]];
      }
      return tf.tensor2d(result, [rows, columns.length]);
    },
    settle() {},
    reserve(count) {
      // TensorFlow.js does not check the result of malloc, and would write to address 0.
      const bytes = count * FLOAT_BYTES;
      const address = bytes < ADDRESSABLE_BYTES ? heap._malloc(bytes) : 0;
      if (address === 0) {
        const mebibytes = (n: number) => Math.ceil(n / 2 ** 20);
        throw new OutOfMemoryError(
          `WebAssembly's memory has no room for another ${mebibytes(bytes)} MiB beside the ` +
            `${mebibytes(memory())} MiB in use: use ENGINE=onnxruntime for GHNs and networks of this size.`,
        );
      }
      heap._free(address);
    },
    memory,
  };
}
