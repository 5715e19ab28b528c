/**
 * Verified pieces of blocks files, the most recently used ones, so that hundreds of workers who fetch the same prediction
 * do not read and verify it hundreds of times. A piece that several ask for at the same time is read once.
 */
export class PieceCache {
  readonly #maxBytes: number;
  /** In the order of their last use. */
  readonly #pieces = new Map<string, Buffer>();
  readonly #reads = new Map<string, Promise<Buffer>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The piece: at once where it is there, else as `read` gives it. */
  get(key: string, read: () => Promise<Buffer>): Buffer | Promise<Buffer> {
    const piece = this.#pieces.get(key);
    if (piece) {
      this.#pieces.delete(key);
      this.#pieces.set(key, piece);
      return piece;
    }
    let pending = this.#reads.get(key);
    if (!pending) {
      pending = this.#read(key, read);
      this.#reads.set(key, pending);
    }
    return pending;
  }

  async #read(key: string, read: () => Promise<Buffer>): Promise<Buffer> {
    try {
      const piece = await read();
      this.#pieces.set(key, piece);
      this.#bytes += piece.length;
      this.#trim();
      return piece;
    } finally {
      this.#reads.delete(key);
    }
  }

  #trim(): void {
    for (const [key, piece] of this.#pieces) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#pieces.delete(key);
      this.#bytes -= piece.length;
    }
  }
}
