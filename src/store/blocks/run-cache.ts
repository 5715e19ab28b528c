/**
 * Caches the most recently used verified runs of blocks files, so that hundreds of workers that fetch the same
 * prediction do not read and verify it hundreds of times. Concurrent requests for a run share one read.
 */
export class RunCache {
  readonly #maxBytes: number;
  /** Runs in the order of their last use. */
  readonly #runs = new Map<string, Buffer>();
  readonly #reads = new Map<string, Promise<Buffer>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Returns the run immediately if it is cached, or else a promise of what `read` resolves to. */
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
