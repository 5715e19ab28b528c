import type { PredictionRecord, Status } from '../../record/record.js';
import { comparePositions, type Position } from '../list.js';

/** The facts about every stored prediction that are kept in memory. */
export interface IndexEntry extends Position {
  readonly architecture: string;
  readonly ghn: string;
  readonly status: Status;
  /** Size of all its files. */
  readonly bytes: number;
  /** Its last use as noted on the disk, in milliseconds since 1970. */
  readonly usedAt: number;
}

export type IndexFilter = Partial<Pick<IndexEntry, 'architecture' | 'ghn' | 'status'>>;

export function indexEntry(record: PredictionRecord, bytes: number, usedAt: number): IndexEntry {
  return {
    id: record.id,
    createdAt: Date.parse(record.created_at),
    architecture: record.architecture.name,
    ghn: record.ghn.id,
    status: record.status,
    bytes,
    usedAt,
  };
}

/** The stored predictions in two orders: by their last use, and newest first. */
export class PredictionIndex {
  /** The least recently used first. */
  readonly #byUse = new Map<string, IndexEntry>();
  readonly #newestFirst: IndexEntry[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): IndexEntry | undefined {
    return this.#byUse.get(id);
  }

  /** Adds an entry as the most recently used one, or replaces the entry that has its id. */
  set(entry: IndexEntry): void {
    const replaced = this.#byUse.get(entry.id);
    if (replaced) this.#unlist(replaced);
    this.#byUse.set(entry.id, entry);
    this.#newestFirst.splice(this.#rank(entry), 0, entry);
    this.#bytes += entry.bytes;
  }

  remove(id: string): IndexEntry | undefined {
    const entry = this.#byUse.get(id);
    if (!entry) return undefined;
    this.#byUse.delete(id);
    this.#unlist(entry);
    return entry;
  }

  /** Makes an entry the most recently used one. */
  use(id: string): void {
    const entry = this.#byUse.get(id);
    if (!entry) return;
    this.#byUse.delete(id);
    this.#byUse.set(id, entry);
  }

  /**
   * The least recently used ones for which `mayGo` is true, enough of them to take up `bytes`, or all if that is not
   * enough.
   */
  leastRecentlyUsed(bytes: number, mayGo: (id: string) => boolean): IndexEntry[] {
    const entries: IndexEntry[] = [];
    let sum = 0;
    for (const entry of this.#byUse.values()) {
      if (sum >= bytes) break;
      if (!mayGo(entry.id)) continue;
      entries.push(entry);
      sum += entry.bytes;
    }
    return entries;
  }

  /** The newest `limit` entries that match, starting after the position `after`. */
  newest(limit: number, filter: IndexFilter, after?: Position): IndexEntry[] {
    const entries: IndexEntry[] = [];
    for (let k = after ? this.#rankBehind(after) : 0; k < this.#newestFirst.length; k++) {
      if (entries.length === limit) break;
      const entry = this.#newestFirst[k];
      if (matches(entry, filter)) entries.push(entry);
    }
    return entries;
  }

  #unlist(entry: IndexEntry): void {
    this.#newestFirst.splice(this.#rank(entry), 1);
    this.#bytes -= entry.bytes;
  }

  #rankBehind(position: Position): number {
    const rank = this.#rank(position);
    const entry = this.#newestFirst[rank];
    return entry && comparePositions(entry, position) === 0 ? rank + 1 : rank;
  }

  /** The number of entries before a position. */
  #rank(position: Position): number {
    let low = 0;
    let high = this.#newestFirst.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comparePositions(this.#newestFirst[middle], position) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function matches(entry: IndexEntry, { architecture, ghn, status }: IndexFilter): boolean {
  return (
    (architecture === undefined || entry.architecture === architecture) &&
    (ghn === undefined || entry.ghn === ghn) &&
    (status === undefined || entry.status === status)
  );
}
