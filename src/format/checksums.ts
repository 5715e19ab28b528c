import type { Checksums } from './format.js';
import { once } from './once.js';

/** Checksums that are kept with one file, or one prediction. */
export class KeptChecksums implements Checksums {
  readonly #known = new Map<string, () => Promise<number>>();

  of(name: string, compute: () => Promise<number>): Promise<number> {
    let known = this.#known.get(name);
    if (!known) {
      known = once(compute);
      this.#known.set(name, known);
    }
    return known();
  }

  get size(): number {
    return this.#known.size;
  }
}

/**
 * Checksums of what was last written, by what it is: a zip has them in its directory, and whoever asks for that alone would
 * otherwise have the whole file read each time.
 */
export class RecentChecksums {
  readonly #limit: number;
  readonly #files = new Map<string, KeptChecksums>();

  /** @param limit how many checksums are kept at most, but for those of the last file */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param file the same for the same bytes, and never for others */
  of(file: string): Checksums {
    const checksums = this.#files.get(file) ?? new KeptChecksums();
    this.#files.delete(file);
    this.#files.set(file, checksums);
    let kept = 0;
    // An entry of its own for each file that has no checksum yet.
    for (const { size } of this.#files.values()) kept += size + 1;
    for (const [oldest, { size }] of this.#files) {
      if (kept <= this.#limit || oldest === file) break;
      this.#files.delete(oldest);
      kept -= size + 1;
    }
    return checksums;
  }
}
