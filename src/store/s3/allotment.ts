import { randomBytes } from 'node:crypto';
import type { ObjectBucket } from './bucket.js';
import type { Census } from './census.js';
import { allotmentKey } from './keys.js';

/** Size of an allotment: room for a thousand small predictions, and a tiny part of most stores. */
const MOST_BYTES = 16 * 2 ** 20;

/** The largest part of a store that one service reserves in advance. */
const SHARE = 1 / 256;

const NAME_BYTES = 8;

export interface AllotmentsOptions {
  readonly maxBytes: number;
  /** After this time, other services remove the allotment of a service and count the service as gone. */
  readonly graceMilliseconds: number;
  /** Evicts predictions if the store holds more than it may; throws if it cannot make room. */
  readonly makeRoom: () => Promise<void>;
}

interface Allotment {
  readonly key: string;
  readonly since: number;
  left: number;
}

/**
 * Reserves room in advance for many small predictions, so that none of them costs a request. While the key of an
 * allotment exists, other services count its bytes. When the key is old, they consider its owner gone.
 */
export class Allotments {
  readonly #bucket: ObjectBucket;
  readonly #census: Census;
  readonly #options: AllotmentsOptions;
  #current: Allotment | null = null;
  /** The request for a new allotment, shared by all saves that need it. */
  #renewing: Promise<Allotment | null> | null = null;

  constructor(bucket: ObjectBucket, census: Census, options: AllotmentsOptions) {
    this.#bucket = bucket;
    this.#census = census;
    this.#options = options;
  }

  /** Takes room from the allotment, or from a new one. Returns false if there is none. */
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

  /** Returns room that was taken and is not used. */
  giveBack(bytes: number): void {
    if (this.#current) this.#current.left += bytes;
  }

  /** Removes the current allotment. */
  async release(): Promise<void> {
    await this.#renewing?.catch(() => {});
    const held = this.#current;
    this.#current = null;
    if (held) await this.#remove(held.key);
  }

  /** Removes an allotment that is so old that other services will soon consider it abandoned. */
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
      // If there is no room for many predictions, there may still be room for one.
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
