import type { Checksums } from './format.js';

/** Checksums of one file or one prediction. Only the checksums are kept, not the data that they are computed from. */
export class KeptChecksums implements Checksums {
  readonly #known = new Map<string, number>();
  readonly #computed = new Map<string, Promise<number>>();
  readonly #onNew: () => void;

  /** @param onNew called for each checksum that was not known */
  constructor(onNew = () => {}) {
    this.#onNew = onNew;
  }

  /** Returns a checksum, and computes it if it is not known. A failure is not cached. */
  async of(name: string, compute: () => Promise<number>): Promise<number> {
    return this.#known.get(name) ?? this.#computed.get(name) ?? this.#compute(name, compute);
  }

  get size(): number {
    return this.#known.size;
  }

  async #compute(name: string, compute: () => Promise<number>): Promise<number> {
    const computed = compute();
    this.#computed.set(name, computed);
    try {
      const checksum = await computed;
      this.#known.set(name, checksum);
      this.#onNew();
      return checksum;
    } finally {
      this.#computed.delete(name);
    }
  }
}

/**
 * Caches checksums of recently written files. A zip has checksums in its directory, and without the cache each request
 * for the directory alone would read the whole file.
 */
export class RecentChecksums {
  readonly #limit: number;
  readonly #files = new Map<string, KeptChecksums>();
  /** Number of cached checksums, plus one for each file. */
  #kept = 0;

  /** @param limit largest number of cached checksums, except for those of the last file */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param file a key that is equal for equal bytes and differs for others */
  of(file: string): Checksums {
    const checksums = this.#files.get(file) ?? this.#add(file);
    // Files are ordered by their last use.
    this.#files.delete(file);
    this.#files.set(file, checksums);
    for (const [oldest, { size }] of this.#files) {
      if (this.#kept <= this.#limit || oldest === file) break;
      this.#files.delete(oldest);
      this.#kept -= size + 1;
    }
    return checksums;
  }

  #add(file: string): KeptChecksums {
    const checksums: KeptChecksums = new KeptChecksums(() => {
      if (this.#files.get(file) === checksums) this.#kept++;
    });
    this.#files.set(file, checksums);
    this.#kept++;
    return checksums;
  }
}
