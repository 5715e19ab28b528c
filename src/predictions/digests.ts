import { createHash, type Hash } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { ByteSource } from '../format/layout.js';
import type { Version } from '../store/store.js';

/** Hashing this many bytes takes half a millisecond, during which other requests wait. */
const CHUNK_BYTES = 2 ** 20;

/**
 * Bodies up to this size are hashed while they are stored: that takes a millisecond, less than changing the record
 * later.
 */
export const SMALL_BODY_BYTES = CHUNK_BYTES;

/** The digest of a small body, in the form that the record uses. */
export async function digestOf(source: ByteSource): Promise<string> {
  const bytes = new Uint8Array(source.byteLength);
  await source.copy(0, bytes.length, bytes, 0);
  return digestText(createHash('sha256').update(bytes));
}

const digestText = (hash: Hash) => `sha256:${hash.digest('hex')}`;

/** Time between two checks of whether the service is idle. */
const IDLE_POLL_MS = 25;

export interface DigestsOptions {
  /** Opens the bytes to hash; null if they no longer exist. `release` is called once they are read. */
  readonly open: (
    id: string,
  ) => Promise<{ source: ByteSource; version: Version; release: () => void } | null>;
  readonly done: (version: Version, digest: string) => Promise<void>;
  readonly onError: (error: Error, id: string) => void;
  /** Returns true if the service has nothing to do except digests. */
  readonly isIdle: () => boolean;
}

interface Pending {
  urgent: boolean;
  readonly finished: Promise<void>;
  readonly finish: () => void;
}

/**
 * Computes the digests of large bodies after their answers: a body's sha256 takes longer than sending it, so it is
 * computed when the service is idle, or at once when a client asks for it.
 */
export class Digests {
  readonly #options: DigestsOptions;
  readonly #pending = new Map<string, Pending>();
  #computing: Promise<void> | null = null;
  #closed = false;

  constructor(options: DigestsOptions) {
    this.#options = options;
  }

  /** Computes the digest when the service is idle. */
  add(id: string): void {
    this.#add(id);
  }

  /** Computes the digest now, and resolves when that is done. */
  async now(id: string): Promise<void> {
    const pending = this.#add(id);
    pending.urgent = true;
    await pending.finished;
  }

  /** Drops digests that are not computed yet. A later request computes them. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#computing;
  }

  #add(id: string): Pending {
    const before = this.#pending.get(id);
    if (before) return before;
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const pending: Pending = { urgent: false, finished, finish };
    this.#pending.set(id, pending);
    this.#computing ??= this.#computeAll();
    return pending;
  }

  /** Computes one after another, beginning with those that a client waits for. */
  async #computeAll(): Promise<void> {
    while (this.#pending.size > 0) {
      await this.#turn();
      const all = [...this.#pending];
      const [id, { finish }] = all.find(([, { urgent }]) => urgent) ?? all[0];
      await this.#compute(id);
      finish();
    }
    this.#computing = null;
  }

  async #compute(id: string): Promise<void> {
    try {
      const body = this.#closed ? null : await this.#options.open(id);
      if (!body) return;
      try {
        const hash = createHash('sha256');
        if (await this.#hash(body.source, hash)) {
          await this.#options.done(body.version, digestText(hash));
        }
      } finally {
        body.release();
      }
    } catch (error) {
      this.#options.onError(error as Error, id);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Hashes a body. Returns false if this was closed before the end. */
  async #hash(source: ByteSource, hash: Hash): Promise<boolean> {
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, source.byteLength));
    for (let start = 0; start < source.byteLength; start += CHUNK_BYTES) {
      await this.#turn();
      if (this.#closed) return false;
      const end = Math.min(source.byteLength, start + CHUNK_BYTES);
      await source.copy(start, end, buffer, 0);
      hash.update(buffer.subarray(0, end - start));
    }
    return true;
  }

  /**
   * Lets other work go first: for one turn of the event loop if a client waits for a digest, otherwise until the
   * service is idle.
   */
  async #turn(): Promise<void> {
    await setImmediate();
    const anyUrgent = () => [...this.#pending.values()].some(({ urgent }) => urgent);
    while (!this.#closed && !anyUrgent() && !this.#options.isIdle()) {
      await setTimeout(IDLE_POLL_MS, undefined, { ref: false });
    }
  }
}
