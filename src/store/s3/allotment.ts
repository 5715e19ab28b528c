import { randomBytes } from 'node:crypto';
import type { ObjectBucket } from './bucket.js';
import type { Census } from './census.js';
import { allotmentKey } from './keys.js';

/** Held at a time: a thousand small predictions, and next to nothing of a store. */
const MOST_BYTES = 16 * 2 ** 20;

/** No more than this part of a store is held by one service. */
const SHARE = 1 / 256;

const NAME_BYTES = 8;

export interface AllotmentsOptions {
  readonly maxBytes: number;
  /** After so long without a sign others take a service for gone. */
  readonly graceMilliseconds: number;
  /** Makes room where more is held than may be; throws where it cannot be made. */
  readonly makeRoom: () => Promise<void>;
}

interface Allotment {
  readonly key: string;
  readonly since: number;
  left: number;
}

/**
 * Room for small predictions, held in advance and for many of them at once: each costs no request of its own. While its key is
 * there, others count it; when it is old, they take its holder for gone.
 */
export class Allotments {
  readonly #bucket: ObjectBucket;
  readonly #census: Census;
  readonly #options: AllotmentsOptions;
  #current: Allotment | null = null;
  /** A new one on its way, for all who need it. */
  #renewing: Promise<Allotment | null> | null = null;

  constructor(bucket: ObjectBucket, census: Census, options: AllotmentsOptions) {
    this.#bucket = bucket;
    this.#census = census;
    this.#options = options;
  }

  /** Whether there is room for so many bytes: then it is taken. */
  async take(bytes: number): Promise<boolean> {
    if (bytes > this.#size) return false;
    for (;;) {
      const allotment = this.#usable(bytes) ?? (await this.#renew());
      if (!allotment) return false;
      if (allotment.left < bytes || allotment !== this.#current) continue;
      allotment.left -= bytes;
      return true;
    }
  }

  /** Gives back room that was taken and is not used. */
  giveBack(bytes: number): void {
    if (this.#current) this.#current.left += bytes;
  }

  /** Lets go of what is held. */
  async release(): Promise<void> {
    await this.#renewing?.catch(() => {});
    const held = this.#current;
    this.#current = null;
    if (held) await this.#remove(held.key);
  }

  /** Lets go of what has been held for so long that others will soon take it for left behind. */
  async releaseOld(): Promise<void> {
    if (this.#current && this.#isOld(this.#current)) await this.release();
  }

  get #size(): number {
    return Math.floor(Math.min(MOST_BYTES, SHARE * this.#options.maxBytes));
  }

  #isOld({ since }: Allotment): boolean {
    return performance.now() - since > this.#options.graceMilliseconds / 4;
  }

  #usable(bytes: number): Allotment | null {
    const held = this.#current;
    return held && held.left >= bytes && !this.#isOld(held) ? held : null;
  }

  #renew(): Promise<Allotment | null> {
    this.#renewing ??= this.#acquire().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #acquire(): Promise<Allotment | null> {
    const before = this.#current;
    const name = randomBytes(NAME_BYTES).toString('hex');
    const key = allotmentKey(name, this.#size);
    const since = performance.now();
    await this.#bucket.put(key, Buffer.alloc(0));
    this.#census.addOther(key, { attempt: name, bytes: this.#size });
    try {
      await this.#options.makeRoom();
    } catch {
      // There may be room for one prediction where there is none for many.
      await this.#remove(key);
      return null;
    }
    this.#current = { key, since, left: this.#size };
    if (before) void this.#remove(before.key).catch(() => {});
    return this.#current;
  }

  async #remove(key: string): Promise<void> {
    await this.#bucket.remove(key);
    this.#census.remove(key);
  }
}
