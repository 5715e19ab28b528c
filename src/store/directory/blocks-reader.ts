import type { FileHandle } from 'node:fs/promises';
import { elements, type TensorSource } from '../../tensor/tensor.js';
import { StoreCorruptError } from '../store.js';
import type { Manifest, StoredTensor } from './blocks-file.js';
import { errorCode } from './errors.js';
import type { PieceCache } from './piece-cache.js';
import { checksum } from './sealed-json.js';

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

export interface BlocksReaderOptions {
  readonly manifest: Manifest;
  readonly cache: PieceCache;
  /** Unlike every other prediction's: the cache's pieces are known by it. */
  readonly id: string;
  /** Is told before a read rejects with that error. */
  readonly onCorrupt: (error: StoreCorruptError) => void;
}

/**
 * The blocks of a stored prediction: an open file, read piece by piece and never as a whole. What it serves has been
 * verified. The file may be unlinked meanwhile.
 */
export class BlocksReader {
  readonly tensors: readonly TensorSource[];
  readonly #handle: FileHandle;
  readonly #options: BlocksReaderOptions;

  constructor(handle: FileHandle, options: BlocksReaderOptions) {
    this.#handle = handle;
    this.#options = options;
    this.tensors = options.manifest.tensors.map((tensor) => ({
      name: tensor.name,
      shape: tensor.shape,
      blockShape: tensor.blockShape,
      readBlock: (start, end) => this.#readBlock(tensor, start, end),
    }));
  }

  /** Reads under way are finished. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Within one piece a view of it; else the parts of several, put together. */
  #readBlock(tensor: StoredTensor, start: number, end: number): Float32Array | Promise<Float32Array> {
    const size = elements(tensor.blockShape);
    if (start < 0 || end < start || end > size) {
      throw new RangeError(`entries ${start} to ${end} of ${tensor.name}, whose block has ${size}`);
    }
    if (start === end) return new Float32Array(0);
    const { pieceBytes } = this.#options.manifest;
    const from = tensor.offset + start * FLOAT_BYTES;
    const to = tensor.offset + end * FLOAT_BYTES;
    const index = Math.floor(from / pieceBytes);
    const skipped = index * pieceBytes;
    if (to > skipped + pieceBytes) {
      const target = Buffer.allocUnsafeSlow(to - from);
      const pending = this.#copy(tensor, from, to, target);
      return pending ? pending.then(() => floats(target)) : floats(target);
    }
    const view = (piece: Buffer) => floats(piece.subarray(from - skipped, to - skipped));
    const piece = this.#piece(tensor, index);
    return piece instanceof Promise ? piece.then(view) : view(piece);
  }

  /** Copies bytes `from` to `to` - 1 of the file to the end of `target`, one piece after the other. */
  #copy(tensor: StoredTensor, from: number, to: number, target: Buffer): void | Promise<void> {
    const { pieceBytes } = this.#options.manifest;
    while (from < to) {
      const index = Math.floor(from / pieceBytes);
      const skipped = index * pieceBytes;
      const stop = Math.min(to, skipped + pieceBytes);
      const at = target.length - (to - from);
      const start = from - skipped;
      const piece = this.#piece(tensor, index);
      from = stop;
      if (piece instanceof Promise) {
        return piece.then((piece) => {
          piece.copy(target, at, start, stop - skipped);
          return this.#copy(tensor, stop, to, target);
        });
      }
      piece.copy(target, at, start, stop - skipped);
    }
  }

  #piece(tensor: StoredTensor, index: number): Buffer | Promise<Buffer> {
    const { cache, id, manifest } = this.#options;
    // With its checksum: what is stored later under the same id is not mistaken for what was.
    const key = `${id}/${index}/${manifest.crc32[index]}`;
    return cache.get(key, () => this.#readPiece(tensor, index));
  }

  async #readPiece(tensor: StoredTensor, index: number): Promise<Buffer> {
    const { pieceBytes, bytes, crc32 } = this.#options.manifest;
    const start = index * pieceBytes;
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, bytes - start));
    const count = await this.#fill(piece, start, tensor);
    if (count === piece.length && checksum(piece) === crc32[index]) return piece;
    throw this.#corrupt(
      tensor,
      count === piece.length
        ? `bytes ${start} to ${start + count - 1} do not have their checksum`
        : `the file ends at byte ${start + count} of ${bytes}`,
    );
  }

  /** Returns how many bytes there were, fewer only at the file's end. */
  async #fill(piece: Buffer, position: number, tensor: StoredTensor): Promise<number> {
    let done = 0;
    try {
      while (done < piece.length) {
        const { bytesRead } = await this.#handle.read(piece, done, piece.length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
    } catch (error) {
      // The disk cannot give the bytes back.
      if (errorCode(error) === 'EIO') throw this.#corrupt(tensor, (error as Error).message);
      throw error;
    }
    return done;
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
