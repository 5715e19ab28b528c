import type { BlocksBytes } from '../blocks/blocks-reader.js';
import { StoreCorruptError } from '../store.js';
import type { ObjectBucket } from './bucket.js';

/** Bytes of one request: most predictions' blocks are smaller, and larger ones are mostly read from end to end. */
const WINDOW_BYTES = 8 * 2 ** 20;

/** Number of windows of one prediction that are kept in memory. */
const WINDOWS = 2;

/** Reads the blocks of an object in windows, since each request costs milliseconds, however little it reads. */
export class ObjectBytes implements BlocksBytes {
  readonly #bucket: ObjectBucket;
  readonly #key: string;
  readonly #size: number;
  /** Windows by their first byte, in the order of their last use. */
  readonly #windows = new Map<number, Promise<Buffer>>();

  constructor(bucket: ObjectBucket, key: string, size: number) {
    this.#bucket = bucket;
    this.#key = key;
    this.#size = size;
  }

  async fill(target: Buffer, position: number): Promise<number> {
    let done = 0;
    while (done < target.length && position + done < this.#size) {
      const at = position + done;
      const start = at - (at % WINDOW_BYTES);
      const copied = (await this.#window(start)).copy(target, done, at - start);
      // The object has become shorter since it was written.
      if (copied === 0) break;
      done += copied;
    }
    return done;
  }

  async close(): Promise<void> {
    this.#windows.clear();
  }

  #window(start: number): Promise<Buffer> {
    const known = this.#windows.get(start);
    const window = known ?? this.#read(start);
    this.#windows.delete(start);
    this.#windows.set(start, window);
    if (!known) window.catch(() => this.#windows.delete(start));
    for (const other of this.#windows.keys()) {
      if (this.#windows.size <= WINDOWS) break;
      this.#windows.delete(other);
    }
    return window;
  }

  async #read(start: number): Promise<Buffer> {
    const length = Math.min(WINDOW_BYTES, this.#size - start);
    const object = await this.#bucket.get(this.#key, start, length);
    if (!object) throw new StoreCorruptError('the object with its blocks is missing');
    return object.bytes;
  }
}

/** Blocks that were read with the commit. */
export class MemoryBytes implements BlocksBytes {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  async fill(target: Buffer, position: number): Promise<number> {
    return position < this.#bytes.length ? this.#bytes.copy(target, 0, position) : 0;
  }

  async close(): Promise<void> {}
}
