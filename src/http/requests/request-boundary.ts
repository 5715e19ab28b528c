/** The part of a request that a connection's reader expects next. */
export type Expected =
  | { readonly part: 'head' }
  /** A body of so many bytes. */
  | { readonly part: 'sized body'; readonly bytes: number }
  | { readonly part: 'chunked body' };

const CR = 0x0d;
const LF = 0x0a;

/** The end of a chunked body without trailers. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/**
 * Finds where a request's head or body ends in the bytes of a connection, so that a parser can be given one request and
 * not the next. It does not judge what it reads: that is the parser's work.
 */
export class RequestBoundary {
  #isLineEmpty = true;
  /** Bytes of the last chunk's mark that were seen. */
  #matched = 0;
  #bodyBytes = 0;

  /** Where the part that is expected ends in a chunk, read from `start` on; the chunk's length where it goes on. */
  end(chunk: Buffer, start: number, expected: Expected): number {
    if (expected.part === 'head') return this.#headEnd(chunk, start);
    if (expected.part === 'chunked body') return this.#chunkedEnd(chunk, start);
    const left = expected.bytes - this.#bodyBytes;
    const end = left > 0 ? Math.min(chunk.length, start + left) : chunk.length;
    this.#bodyBytes += end - start;
    return end;
  }

  /** Another part begins. */
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
