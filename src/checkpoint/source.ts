import type { FileHandle } from 'node:fs/promises';
import { CheckpointError } from './error.js';

/** Size of one read from the file. Node refuses 2 GiB and more, and above a few MB larger reads are no faster. */
const READ_BYTES = 8 * 2 ** 20;

/** Maximum number of simultaneous reads for one tensor. */
const READS_AT_ONCE = 2;

/** Initial size of a reader's buffer, from which pickles and headers are read in small pieces. */
const BUFFER_BYTES = 64 * 2 ** 10;

/** An open file that is read at given positions and never as a whole. */
export class FileBytes {
  readonly size: number;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  /**
   * Fills `target` with the bytes from `position` on. Returns the number of bytes read, which is smaller only at the
   * end of the file.
   */
  async read(target: Uint8Array, position: number): Promise<number> {
    if (target.length <= READ_BYTES) return this.#readPart(target, position);
    // Most of the time is spent on allocating fresh memory, and several threads do that faster than one.
    let next = 0;
    let end = target.length;
    const readOn = async () => {
      while (next < end) {
        const start = next;
        next += READ_BYTES;
        const part = target.subarray(start, Math.min(start + READ_BYTES, target.length));
        const count = await this.#readPart(part, position + start);
        if (count < part.length) end = Math.min(end, start + count);
      }
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readOn));
    return end;
  }

  async #readPart(target: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await this.#handle.read(target, done, target.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  /**
   * Reads the whole file in order, one piece ahead of the consumer. Each piece is valid until the next is requested.
   */
  async *pieces(): AsyncGenerator<Uint8Array> {
    const read = async (position: number) => {
      const buffer = buffers.pop()!;
      return { buffer, count: position < this.size ? await this.read(buffer, position) : 0 };
    };
    const length = Math.min(READ_BYTES, this.size);
    const buffers = [new Uint8Array(length), new Uint8Array(length)];
    let next = read(0);
    try {
      for (let position = 0; ; ) {
        const { buffer, count } = await next;
        if (count === 0) return;
        position += count;
        next = read(position);
        yield buffer.subarray(0, count);
        buffers.push(buffer);
      }
    } finally {
      // A consumer that stops early then closes the file, and no read may be running at that time.
      await next.catch(() => {});
    }
  }

  /** Reads the bytes from `start` to `end` - 1 in order; positions count from the beginning of the file. */
  reader(start = 0, end = this.size): ByteReader {
    return new ByteReader(new FileStream(this, start), start, Math.min(end, this.size));
  }
}

/** A stream of bytes. */
interface ByteStream {
  /**
   * The file, if the bytes can be read again at the reader's position; null for a stream that can be read only once.
   */
  readonly file: FileBytes | null;
  /** Fills as much of `target` as possible. Returns fewer bytes only at the end. */
  read(target: Uint8Array): Promise<number>;
  /** Skips bytes, and returns how many there were to skip. */
  skip(count: number): Promise<number>;
}

class FileStream implements ByteStream {
  readonly file: FileBytes;
  #position: number;

  constructor(file: FileBytes, position: number) {
    this.file = file;
    this.#position = position;
  }

  async read(target: Uint8Array): Promise<number> {
    const count = await this.file.read(target, this.#position);
    this.#position += count;
    return count;
  }

  async skip(count: number): Promise<number> {
    const possible = Math.max(0, Math.min(count, this.file.size - this.#position));
    this.#position += possible;
    return possible;
  }
}

class PieceStream implements ByteStream {
  readonly file = null;
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  async read(target: Uint8Array): Promise<number> {
    return this.#take(target.length, (part, at) => target.set(part, at));
  }

  async skip(count: number): Promise<number> {
    return this.#take(count, () => {});
  }

  async #take(count: number, use: (part: Uint8Array, at: number) => void): Promise<number> {
    let done = 0;
    while (done < count) {
      if (this.#piece.length === 0) {
        const { value, done: ended } = await this.#pieces.next();
        if (ended) break;
        this.#piece = value;
      }
      const part = this.#piece.subarray(0, count - done);
      use(part, done);
      this.#piece = this.#piece.subarray(part.length);
      done += part.length;
    }
    return done;
  }
}

/** Reads a stream in order: small pieces through a buffer, large ones directly into their target. */
export class ByteReader {
  readonly #stream: ByteStream;
  /** The buffered bytes are `#buffer[#from … #to - 1]`. */
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #from = 0;
  #to = 0;
  /** True once the stream has no more bytes than those that are buffered. */
  #ended = false;
  #position: number;
  #limit: number;
  /** The error if the stream continues after the limit; null if the limit is the end. */
  #excess: CheckpointError | null = null;

  /** `limit` is the position at which the bytes end, or which they must not exceed. */
  constructor(stream: ByteStream, position: number, limit: number) {
    this.#stream = stream;
    this.#position = position;
    this.#limit = limit;
  }

  /**
   * Makes a reader for pieces that can be read only once. `excess` is the error if there are more than `limit` bytes.
   */
  static of(pieces: AsyncIterable<Uint8Array>, limit: number, excess: CheckpointError): ByteReader {
    const reader = new ByteReader(new PieceStream(pieces), 0, limit);
    reader.#excess = excess;
    return reader;
  }

  /** Position of the next byte. */
  get position(): number {
    return this.#position;
  }

  /** The file, if the bytes can be read again at their position; null for a stream that can be read only once. */
  get file(): FileBytes | null {
    return this.#stream.file;
  }

  /** Checks that `count` more bytes fit before the end. Call it before allocating memory for them. */
  require(count: number): void {
    if (this.#position + count <= this.#limit) return;
    if (this.#excess) throw this.#excess;
    this.#truncated(count);
  }

  /** Returns the next bytes without consuming them: at least `count`, unless the stream ends earlier. */
  async peek(count: number): Promise<Buffer> {
    if (this.#to - this.#from < count && !this.#ended) await this.#fill(count);
    const end = Math.min(this.#to, this.#from + (this.#limit - this.#position));
    return this.#buffer.subarray(this.#from, end);
  }

  /** Consumes bytes that `peek` has returned. */
  consume(count: number): void {
    this.#from += count;
    this.#position += count;
  }

  /** The next `count` bytes, valid until the next call. Only for small counts, since they pass through the buffer. */
  async bytes(count: number): Promise<Buffer> {
    this.require(count);
    const buffered = await this.peek(count);
    if (buffered.length < count) this.#truncated(count);
    this.consume(count);
    return buffered.subarray(0, count);
  }

  /** Like `bytes`, but returns null if the bytes are not buffered yet. Most of a pickle is read like this. */
  bytesAtHand(count: number): Buffer | null {
    if (count > this.#to - this.#from || this.#position + count > this.#limit) return null;
    const bytes = this.#buffer.subarray(this.#from, this.#from + count);
    this.consume(count);
    return bytes;
  }

  /** The next byte, or a promise if it is not buffered yet. */
  byte(): number | Promise<number> {
    if (this.#from < this.#to && this.#position < this.#limit) {
      this.#position++;
      return this.#buffer[this.#from++];
    }
    return this.bytes(1).then(([byte]) => byte);
  }

  /** An unsigned little-endian integer of 8 bytes. */
  async uint64(what: string): Promise<number> {
    const value = (await this.bytes(8)).readBigUInt64LE();
    if (value > Number.MAX_SAFE_INTEGER) {
      throw new CheckpointError(`byte ${this.#position - 8}: ${what} of ${value} is larger than any file`);
    }
    return Number(value);
  }

  /** Fills `target`. */
  async into(target: Uint8Array): Promise<void> {
    this.require(target.length);
    const buffered = Math.min(target.length, this.#to - this.#from);
    target.set(this.#buffer.subarray(this.#from, this.#from + buffered));
    this.consume(buffered);
    const read = await this.#stream.read(target.subarray(buffered));
    this.#position += read;
    if (buffered + read < target.length) this.#truncated(target.length - buffered - read);
  }

  async skip(count: number): Promise<void> {
    this.require(count);
    const buffered = Math.min(count, this.#to - this.#from);
    this.consume(buffered);
    const skipped = await this.#stream.skip(count - buffered);
    this.#position += skipped;
    if (buffered + skipped < count) this.#truncated(count - buffered - skipped);
  }

  /** Limits reads in `run` to the next `length` bytes, then continues after them. */
  async within<T>(length: number, run: () => Promise<T>): Promise<T> {
    this.require(length);
    const limit = this.#limit;
    const excess = this.#excess;
    const end = this.#position + length;
    this.#limit = end;
    this.#excess = null;
    const result = await run();
    this.#limit = limit;
    this.#excess = excess;
    await this.skip(end - this.#position);
    return result;
  }

  async #fill(count: number): Promise<void> {
    const kept = this.#to - this.#from;
    // Twice the requested size, so that callers that consume little of it do not cause a copy each time.
    const buffer = 2 * count > this.#buffer.length ? Buffer.allocUnsafe(2 * count) : this.#buffer;
    this.#buffer.copy(buffer, 0, this.#from, this.#to);
    this.#buffer = buffer;
    this.#from = 0;
    this.#to = kept + (await this.#stream.read(buffer.subarray(kept)));
    this.#ended = this.#to < buffer.length;
  }

  #truncated(count: number): never {
    throw new CheckpointError(
      `ends too early: ${count} more bytes should follow at byte ${this.#position}; the file is truncated or damaged`,
    );
  }
}
