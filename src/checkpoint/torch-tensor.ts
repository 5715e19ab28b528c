import { allocateFloats, type NumberType, readFloats } from './dtype.js';
import { CheckpointError } from './error.js';
import type { ByteReader, FileBytes } from './source.js';
import type { StoredTensor } from './stored.js';

/** PyTorch allows 64 dimensions. Weights have at most 4, or one more if they are quantised or from a DataParallel. */
const MAX_DIMENSIONS = 8;

/** The number of a storage's values that are in memory while a tensor is read. */
const WINDOW_LENGTH = 2 ** 18;

/** The numbers that one or more tensors view. Their type and length are known before their position in the file. */
export class Storage {
  readonly type: NumberType;
  readonly length: number;
  #place: { readonly file: FileBytes; readonly position: number } | Float32Array | null = null;

  constructor(type: NumberType, length: number) {
    this.type = type;
    this.length = length;
  }

  get bytes(): number {
    return this.length * this.type.bytes;
  }

  /** Sets the position of the numbers in the file. */
  locate(file: FileBytes, position: number): void {
    this.#place = { file, position };
  }

  /**
   * Takes the numbers from a reader. If they can be read again, only remembers their position; otherwise reads them
   * now.
   */
  async take(reader: ByteReader): Promise<void> {
    reader.require(this.bytes);
    if (reader.file) this.locate(reader.file, reader.position);
    else if (this.type.float) {
      const data = allocateFloats(this.length);
      await readFloats(reader, this.type.float, data);
      this.#place = data;
      return;
    }
    await reader.skip(this.bytes);
  }

  /** `count` numbers from `start` on. If the whole storage is in memory, this is a view of it. */
  async read(start: number, count: number): Promise<Float32Array> {
    const place = this.#place;
    if (place instanceof Float32Array) return place.subarray(start, start + count);
    if (!this.type.float)
      throw new CheckpointError(`numbers of type ${this.type.name} where floats are expected`);
    if (!place) throw new CheckpointError('a tensor whose numbers are not in the file');
    const { file, position } = place;
    const data = allocateFloats(count);
    const from = position + start * this.type.bytes;
    await readFloats(file.reader(from, from + count * this.type.bytes), this.type.float, data);
    return data;
  }
}

/** A view of a storage, as described by `_rebuild_tensor_v2`. */
export class TorchTensor implements StoredTensor {
  readonly #storage: Storage;
  readonly #offset: number;
  readonly #strides: readonly number[];
  readonly shape: readonly number[];

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.#storage = storage;
    this.#offset = offset;
    this.shape = shape;
    this.#strides = strides;
  }

  get type(): NumberType {
    return this.#storage.type;
  }

  /** Reads the numbers, row-major. */
  async load(): Promise<Float32Array> {
    const count = this.shape.reduce((product, n) => product * n, 1);
    const dimensions = orderedDimensions(this.shape, this.#strides);
    if (dimensions.every(({ stride, targetStride }) => stride === targetStride)) {
      return this.#storage.read(this.#offset, count);
    }
    return this.#gather(allocateFloats(count), dimensions);
  }

  /**
   * Goes through the storage in its own order, so that each part of the file is read once, and puts each number in its
   * place.
   */
  async #gather(target: Float32Array, dimensions: readonly Dimension[]): Promise<Float32Array> {
    const inner = dimensions.at(-1)!;
    const outer = dimensions.slice(0, -1);
    const index = outer.map(() => 0);
    const atOnce = Math.max(1, Math.floor(WINDOW_LENGTH / inner.stride));
    let window: Float32Array = new Float32Array(0);
    let windowStart = 0;
    for (;;) {
      let from = this.#offset;
      let to = 0;
      for (const [d, { stride, targetStride }] of outer.entries()) {
        from += index[d] * stride;
        to += index[d] * targetStride;
      }
      for (let done = 0; done < inner.size; done += atOnce) {
        const count = Math.min(atOnce, inner.size - done);
        const start = from + done * inner.stride;
        const end = start + (count - 1) * inner.stride + 1;
        if (end > windowStart + window.length) {
          windowStart = start;
          const length = Math.min(Math.max(WINDOW_LENGTH, end - start), this.#storage.length - start);
          window = await this.#storage.read(start, length);
        }
        const first = start - windowStart;
        for (let i = 0; i < count; i++) {
          target[to + (done + i) * inner.targetStride] = window[first + i * inner.stride];
        }
      }
      let d = outer.length - 1;
      while (d >= 0 && ++index[d] === outer[d].size) index[d--] = 0;
      if (d < 0) return target;
    }
  }
}

interface Dimension {
  readonly size: number;
  readonly stride: number;
  /** The stride in the row-major result. */
  readonly targetStride: number;
}

/** The dimensions with more than one entry, by descending stride. */
function orderedDimensions(shape: readonly number[], strides: readonly number[]): Dimension[] {
  const dimensions: Dimension[] = [];
  let targetStride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = shape[d];
    if (size > 1) dimensions.push({ size, stride: strides[d], targetStride });
    targetStride *= size;
  }
  return dimensions.sort((a, b) => b.stride - a.stride || b.targetStride - a.targetStride);
}

/**
 * Implements torch._utils._rebuild_tensor_v2(storage, offset, size, stride, …). Checks that the view lies within its
 * storage.
 */
export function rebuildTensor([storage, offset, size, stride]: readonly unknown[]): TorchTensor {
  if (!(storage instanceof Storage)) throw new CheckpointError('a tensor without a storage');
  const shape = sizes(size, 'sizes');
  const strides = sizes(stride, 'strides');
  if (!isSize(offset) || shape.length !== strides.length)
    throw new CheckpointError('a tensor without a shape');
  if (shape.includes(0)) return new TorchTensor(storage, 0, shape, strides);

  const dimensions = orderedDimensions(shape, strides);
  let last = offset;
  for (const { size, stride } of dimensions) last += (size - 1) * stride;
  if (last >= storage.length) {
    throw new CheckpointError(
      `a tensor [${shape}] that reaches to number ${last} of a storage that has ${storage.length}`,
    );
  }
  for (const [d, { stride }] of dimensions.entries()) {
    const behind = dimensions[d + 1];
    if (stride < (behind ? behind.size * behind.stride : 1)) {
      throw new CheckpointError(`a tensor [${shape}] whose entries overlap; save it with .contiguous()`);
    }
  }
  return new TorchTensor(storage, offset, shape, strides);
}

function sizes(value: unknown, what: string): number[] {
  if (!Array.isArray(value) || value.length > MAX_DIMENSIONS || !value.every(isSize)) {
    throw new CheckpointError(`a tensor whose ${what} are not at most ${MAX_DIMENSIONS} numbers`);
  }
  return [...value];
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
