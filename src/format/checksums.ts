import type { Checksums } from './format.js';

/** Checksums that are kept with one file, or one prediction; what they are computed from is not kept with them. */
export class KeptChecksums implements Checksums {
  readonly #known = new Map<string, number>();
  readonly #computed = new Map<string, Promise<number>>();
  readonly #onNew: () => void;

  /** @param onNew is called for each checksum that was not known */
  constructor(onNew = () => {}) {
    this.#onNew = onNew;
  }

  /** A failure is not kept. */
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
 * Checksums of what was last written, by what it is: a zip has them in its directory, and whoever asks for that alone would
 * otherwise have the whole file read each time.
 */
export class RecentChecksums {
  readonly #limit: number;
  readonly #files = new Map<string, KeptChecksums>();
  /** Checksums that are kept, and one for each file. */
  #kept = 0;

  /** @param limit how many checksums are kept at most, but for those of the last file */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param file the same for the same bytes, and never for others */
  of(file: string): Checksums {
    const checksums = this.#files.get(file) ?? this.#add(file);
    // Files are in the order of their last use.
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
