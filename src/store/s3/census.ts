import type { ObjectBucket } from './bucket.js';
import {
  ALLOTMENTS,
  type Attempt,
  INDEX,
  type IndexEntry,
  parseAllotmentKey,
  parseIndexKey,
  parseTrashKey,
  parseUnfinishedKey,
  parseUsedKey,
  TRASH,
  UNFINISHED,
  USED,
} from './keys.js';

/** Room that is in use but has no index key: an attempt that is being written or removed, or an allotment. */
export type Other = Pick<Attempt, 'attempt' | 'bytes'>;

/** Index keys that are listed at a time to find new ones. */
const NEWEST = 100;

/**
 * The contents of the bucket, as far as this service knows them. The whole bucket is counted now and then. This
 * service's own changes are added at once, and those of others when `refresh` is called.
 */
export class Census {
  readonly #bucket: ObjectBucket;
  #index = new Map<string, IndexEntry>();
  /** Attempts that are being written or wait to be removed, and allotments, by key. */
  #other = new Map<string, Other>();
  /** When each service last used a prediction, in milliseconds since 1970. */
  #uses = new Map<string, Map<string, number>>();

  constructor(bucket: ObjectBucket) {
    this.#bucket = bucket;
  }

  /** Bytes of all attempts, each counted once, and of all allotments. */
  get bytes(): number {
    return this.#sum(() => true);
  }

  /** Bytes of all attempts, without allotments. */
  get attemptBytes(): number {
    return this.#sum((key) => !key.startsWith(ALLOTMENTS));
  }

  add(entry: IndexEntry): void {
    this.#index.set(entry.key, entry);
  }

  addOther(key: string, other: Other): void {
    this.#other.set(key, other);
  }

  /** Removes the entry with that key, of either kind. */
  remove(key: string): void {
    this.#index.delete(key);
    this.#other.delete(key);
  }

  use(id: string, service: string, time: number): void {
    const uses = this.#uses.get(id) ?? new Map<string, number>();
    uses.set(service, Math.max(time, uses.get(service) ?? 0));
    this.#uses.set(id, uses);
  }

  /** Lists the whole bucket again. */
  async count(): Promise<void> {
    const index = new Map<string, IndexEntry>();
    for await (const { key } of this.#bucket.all(INDEX)) {
      const entry = parseIndexKey(key);
      if (entry) index.set(key, entry);
    }
    this.#index = index;
    await this.#countOther();
    const ids = new Set([...index.values()].map(({ id }) => id));
    for await (const { key, modified } of this.#bucket.all(USED)) {
      const use = parseUsedKey(key);
      if (use) this.use(use.id, use.service, modified.getTime());
    }
    for (const id of this.#uses.keys()) if (!ids.has(id)) this.#uses.delete(id);
  }

  /** Adds new entries. This takes a few requests, however full the bucket is. */
  async refresh(): Promise<void> {
    await Promise.all([this.#countOther(), this.#addNew()]);
  }

  /** All entries, the least recently used first. The time of creation counts as the first use. */
  leastRecentlyUsed(): IndexEntry[] {
    const usedAt = ({ id, createdAt }: IndexEntry) =>
      Math.max(createdAt, ...(this.#uses.get(id)?.values() ?? []));
    const dated = [...this.#index.values()].map((entry) => ({ entry, time: usedAt(entry) }));
    return dated.sort((a, b) => a.time - b.time).map(({ entry }) => entry);
  }

  async #addNew(): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const { objects, isLast } = await this.#bucket.page(INDEX, after, NEWEST);
      const unknown = objects.filter(({ key }) => !this.#index.has(key));
      for (const { key } of unknown) {
        const entry = parseIndexKey(key);
        if (entry) this.#index.set(key, entry);
      }
      // The keys that follow are older, and were counted before.
      if (isLast || unknown.length === 0) break;
      after = objects.at(-1)!.key;
    }
  }

  async #countOther(): Promise<void> {
    const other = new Map<string, Other>();
    const count = async (prefix: string, parse: (key: string) => Other | null) => {
      for await (const { key } of this.#bucket.all(prefix)) {
        const found = parse(key);
        if (found) other.set(key, found);
      }
    };
    await Promise.all([
      count(UNFINISHED, parseUnfinishedKey),
      count(TRASH, parseTrashKey),
      count(ALLOTMENTS, parseAllotmentKey),
    ]);
    this.#other = other;
  }

  #sum(isCounted: (key: string) => boolean): number {
    const attempts = new Map<string, number>();
    for (const { attempt, bytes } of this.#index.values()) attempts.set(attempt, bytes);
    for (const [key, { attempt, bytes }] of this.#other) if (isCounted(key)) attempts.set(attempt, bytes);
    let sum = 0;
    for (const bytes of attempts.values()) sum += bytes;
    return sum;
  }
}
