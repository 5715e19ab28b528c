/** Bytes of known length. Any part of them can be written without the rest. */
export interface ByteSource {
  readonly byteLength: number;
  /**
   * Writes bytes `start` to `end` - 1 to `target`, from `at` on. Writes at once if they are in memory; otherwise
   * returns a promise that resolves when they are written.
   */
  copy(start: number, end: number, target: Uint8Array, at: number): void | Promise<void>;
  /** Frees the data that was read for copying. A later copy reads it again. */
  release?(): void;
}

/** Bytes that are in memory already, such as a header. */
export class ReadyBytes implements ByteSource {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  copy(start: number, end: number, target: Uint8Array, at: number): void {
    target.set(this.#bytes.subarray(start, end), at);
  }
}

/**
 * A file that consists of parts in sequence. Its length is known, and any range can be read before others are written.
 */
export class Layout implements ByteSource {
  readonly byteLength: number;
  readonly #parts: readonly ByteSource[];
  /** Start of each part. */
  readonly #starts: Float64Array;

  constructor(parts: readonly ByteSource[]) {
    this.#parts = parts;
    this.#starts = new Float64Array(parts.length);
    let length = 0;
    parts.forEach((part, index) => {
      this.#starts[index] = length;
      length += part.byteLength;
    });
    this.byteLength = length;
  }

  copy(start: number, end: number, target: Uint8Array, at: number): void | Promise<void> {
    for (let index = this.#partAt(start); start < end; index++) {
      const part = this.#parts[index];
      const partStart = this.#starts[index];
      const partEnd = partStart + part.byteLength;
      const stop = Math.min(end, partEnd);
      const pending = part.copy(start - partStart, stop - partStart, target, at);
      at += stop - start;
      start = stop;
      if (pending) {
        return pending.then(() => {
          if (stop === partEnd) part.release?.();
          return this.copy(start, end, target, at);
        });
      }
      if (stop === partEnd) part.release?.();
    }
  }

  /** Returns the last part that begins at or before a position. */
  #partAt(position: number): number {
    let low = 0;
    let high = this.#parts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
