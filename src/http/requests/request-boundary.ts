/** The part of a request that a connection's reader expects next. */
export type Expected =
  | { readonly part: 'head' }
  /** A body with a known number of bytes. */
  | { readonly part: 'sized body'; readonly bytes: number }
  | { readonly part: 'chunked body' };

const CR = 0x0d;
const LF = 0x0a;

/** The end of a chunked body without trailers. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/**
 * Finds the end of a request's head or body in the bytes of a connection, so that a parser can be given one request and
 * not the next. It does not validate the bytes: the parser does.
 */
export class RequestBoundary {
  #isLineEmpty = true;
  /** Number of bytes of the last chunk's mark that were seen. */
  #matched = 0;
  #bodyBytes = 0;

  /**
   * Returns the index at which the expected part ends in a chunk, read from `start` on, or the chunk's length if the
   * part continues.
   */
  end(chunk: Buffer, start: number, expected: Expected): number {
    if (expected.part === 'head') return this.#headEnd(chunk, start);
    if (expected.part === 'chunked body') return this.#chunkedEnd(chunk, start);
    const left = expected.bytes - this.#bodyBytes;
    const end = left > 0 ? Math.min(chunk.length, start + left) : chunk.length;
    this.#bodyBytes += end - start;
    return end;
  }

  /** Prepares for another part. */
  reset(): void {
    this.#isLineEmpty = true;
    this.#matched = 0;
    this.#bodyBytes = 0;
  }

  /** A head ends with an empty line. */
  #headEnd(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === LF) {
        if (this.#isLineEmpty) return at + 1;
        this.#isLineEmpty = true;
      } else if (byte !== CR) {
        this.#isLineEmpty = false;
      }
    }
    return chunk.length;
  }

  #chunkedEnd(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at++) {
      if (chunk[at] === LAST_CHUNK[this.#matched]) this.#matched++;
      else this.#matched = chunk[at] === LAST_CHUNK[0] ? 1 : 0;
      if (this.#matched === LAST_CHUNK.length) {
        this.#matched = 0;
        return at + 1;
      }
    }
    return chunk.length;
  }
}
