/**
 * Verified runs of blocks files, the most recently used ones, so that hundreds of workers who fetch the same prediction
 * do not read and verify it hundreds of times. A run that several ask for at the same time is read once.
 */
export class RunCache {
  readonly #maxBytes: number;
  /** In the order of their last use. */
  readonly #runs = new Map<string, Buffer>();
  readonly #reads = new Map<string, Promise<Buffer>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The run: at once where it is there, else as `read` gives it. */
  get(key: string, read: () => Promise<Buffer>): Buffer | Promise<Buffer> {
    const run = this.#runs.get(key);
    if (run) {
      this.#runs.delete(key);
      this.#runs.set(key, run);
      return run;
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
      const run = await read();
      this.#runs.set(key, run);
      this.#bytes += run.length;
      this.#trim();
      return run;
    } finally {
      this.#reads.delete(key);
    }
  }

  #trim(): void {
    for (const [key, run] of this.#runs) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#runs.delete(key);
      this.#bytes -= run.length;
    }
  }
}
