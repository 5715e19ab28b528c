import { elements, type TensorSource } from '../../tensor/tensor.js';
import { StoreCorruptError } from '../store.js';
import { checksums, type Manifest, RUN_BYTES, type StoredTensor } from './manifest.js';
import type { RunCache } from './run-cache.js';

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** The bytes of a prediction's blocks, as one file. */
export interface BlocksBytes {
  /**
   * Fills `target` beginning at `position`, and returns how many bytes were read: fewer than asked only at the file's
   * end. Rejects with a StoreCorruptError if the file itself cannot be read.
   */
  fill(target: Buffer, position: number): Promise<number>;
  /** Closes the file once reads under way are finished. */
  close(): Promise<void>;
}

export interface BlocksReaderOptions {
  readonly manifest: Manifest;
  readonly cache: RunCache;
  /** Unique among predictions: it identifies cached data. */
  readonly id: string;
  /** Called before a read rejects with that error. */
  readonly onCorrupt: (error: StoreCorruptError) => void;
}

/**
 * Reads the blocks of a stored prediction in runs of pieces, never as a whole, and verifies everything that it
 * returns. The prediction may be deleted while it is read.
 */
export class BlocksReader {
  readonly tensors: readonly TensorSource[];
  readonly #bytes: BlocksBytes;
  readonly #options: BlocksReaderOptions;

  constructor(bytes: BlocksBytes, options: BlocksReaderOptions) {
    this.#bytes = bytes;
    this.#options = options;
    this.tensors = options.manifest.tensors.map((tensor) => ({
      name: tensor.name,
      shape: tensor.shape,
      blockShape: tensor.blockShape,
      readBlock: (start, end) => this.#readBlock(tensor, start, end),
    }));
  }

  /** Checksums of all blocks as written. */
  get checksums(): string {
    return this.#options.manifest.crc32;
  }

  /** The format of which the file is the body; undefined if it is not the body of any format. */
  get format(): string | undefined {
    return this.#options.manifest.format;
  }

  /** Closes the file once reads under way are finished. */
  async close(): Promise<void> {
    await this.#bytes.close();
  }

  #readBlock(tensor: StoredTensor, start: number, end: number): Float32Array | Promise<Float32Array> {
    const size = elements(tensor.blockShape);
    if (start < 0 || end < start || end > size) {
      throw new RangeError(`entries ${start} to ${end} of ${tensor.name}, whose block has ${size}`);
    }
    const from = tensor.offset + start * FLOAT_BYTES;
    const to = tensor.offset + end * FLOAT_BYTES;
    const bytes = to - from > RUN_BYTES ? this.#gather(tensor, from, to) : this.#view(tensor, from, to);
    return bytes instanceof Promise ? bytes.then(floats) : floats(bytes);
  }

  /** Bytes `from` to `to` - 1 of the file, put together from several runs. */
  #gather(tensor: StoredTensor, from: number, to: number): Buffer | Promise<Buffer> {
    const { pieceBytes } = this.#options.manifest;
    const target = Buffer.allocUnsafeSlow(to - from);
    const copy = (position: number): Buffer | Promise<Buffer> => {
      while (position < to) {
        const at = position - from;
        const stop = Math.min(to, position - (position % pieceBytes) + RUN_BYTES);
        const bytes = this.#view(tensor, position, stop);
        if (bytes instanceof Promise) {
          return bytes.then((bytes) => {
            bytes.copy(target, at);
            return copy(stop);
          });
        }
        bytes.copy(target, at);
        position = stop;
      }
      return target;
    };
    return copy(from);
  }

  /** Bytes `from` to `to` - 1 of the file, at most one run: a view of the pieces that contain them. */
  #view(tensor: StoredTensor, from: number, to: number): Buffer | Promise<Buffer> {
    if (from === to) return Buffer.alloc(0);
    const { cache, id, manifest } = this.#options;
    const { pieceBytes } = manifest;
    const start = from - (from % pieceBytes);
    const end = Math.min(manifest.bytes, Math.ceil(to / pieceBytes) * pieceBytes);
    const crc32 = manifest.crc32.slice((start / pieceBytes) * 8, Math.ceil(end / pieceBytes) * 8);
    // The key contains the checksums, so that a prediction stored later under the same id is not confused with this
    // one.
    const run = cache.get(`${id}/${start}/${crc32}`, () => this.#readRun(tensor, start, end, crc32));
    const view = (run: Buffer) => run.subarray(from - start, to - start);
    return run instanceof Promise ? run.then(view) : view(run);
  }

  async #readRun(tensor: StoredTensor, start: number, end: number, crc32: string): Promise<Buffer> {
    const { pieceBytes, bytes } = this.#options.manifest;
    const run = Buffer.allocUnsafeSlow(end - start);
    const count = await this.#fill(run, start, tensor);
    if (count < run.length) throw this.#corrupt(tensor, `the file ends at byte ${start + count} of ${bytes}`);
    if (checksums(run, pieceBytes) !== crc32) {
      throw this.#corrupt(tensor, `bytes ${start} to ${end - 1} do not match their checksums`);
    }
    return run;
  }

  async #fill(run: Buffer, position: number, tensor: StoredTensor): Promise<number> {
    try {
      return await this.#bytes.fill(run, position);
    } catch (error) {
      if (error instanceof StoreCorruptError) throw this.#corrupt(tensor, error.message);
      throw error;
    }
  }

  #corrupt(tensor: StoredTensor, reason: string): StoreCorruptError {
    const { id, onCorrupt } = this.#options;
    const error = new StoreCorruptError(`prediction ${id}, the block of ${tensor.name}: ${reason}`);
    onCorrupt(error);
    return error;
  }
}

function floats(bytes: Buffer): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / FLOAT_BYTES);
}
