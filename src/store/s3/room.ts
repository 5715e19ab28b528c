import type { PredictionRecord } from '../../record/record.js';
import { NotUnderstoodError, StoreCorruptError } from '../store.js';
import { Allotments } from './allotment.js';
import { audit } from './audit.js';
import type { ObjectBucket } from './bucket.js';
import { Census } from './census.js';
import { attemptOf } from './commits.js';
import { type Commit, readCommit } from './documents.js';
import {
  ALLOTMENTS,
  type Attempt,
  blocksKey,
  type IndexEntry,
  indexKey,
  metaKey,
  parseIndexKey,
  parseTrashKey,
  parseUnfinishedKey,
  recordKey,
  TRASH,
  trashKey,
  UNFINISHED,
  unfinishedKey,
  usedKey,
  usedPrefix,
} from './keys.js';

/**
 * A use is noted in the bucket again only after this time: eviction depends on hours, and each note costs a request.
 */
const USE_RESOLUTION_MS = 60_000;

/** A service that removes a prediction has this long before other services finish the removal. */
const REMOVAL_MS = 60_000;

const LATER_MS = 50;

export interface RoomOptions {
  readonly maxBytes: number;
  /**
   * Time for which other services may still read a deleted prediction, and for which a writer may be silent before it
   * counts as dead.
   */
  readonly graceMilliseconds: number;
  /** Names this service among those that share the bucket. */
  readonly service: string;
  /** Returns true if a client of this service reads the attempt. */
  readonly isOpen: (attempt: Attempt) => boolean;
}

/**
 * Manages the room in a bucket that several services share. Room is reserved before predictions are written, and
 * freed when they are removed.
 */
export class Room {
  readonly #bucket: ObjectBucket;
  readonly #options: RoomOptions;
  readonly #census: Census;
  readonly #allotments: Allotments;
  /** Predictions that are committed but not listed yet, because the bucket refused the index key. */
  readonly #unlisted = new Map<string, readonly [PredictionRecord, Attempt]>();
  /** For each attempt that is lent, the time until which it is kept. */
  readonly #lent = new Map<string, number>();
  /** For each prediction, the time at which this service last noted a use in the bucket. */
  readonly #noted = new Map<string, number>();

  constructor(bucket: ObjectBucket, options: RoomOptions) {
    this.#bucket = bucket;
    this.#options = options;
    this.#census = new Census(bucket);
    this.#allotments = new Allotments(bucket, this.#census, {
      ...options,
      makeRoom: () => this.#refreshed(),
    });
  }

  get bytes(): number {
    return this.#census.attemptBytes;
  }

  /** Counts all room that is in use. */
  async count(): Promise<void> {
    await this.#census.count();
  }

  /**
   * Reserves room for an attempt until `finish`. Other services see the reservation; an attempt that is never
   * finished is removed. Throws, without evicting anything, if not enough room can be made.
   */
  async reserve(attempt: Attempt): Promise<void> {
    const { maxBytes } = this.#options;
    if (attempt.bytes > maxBytes) {
      throw new Error(
        `it takes up ${attempt.bytes} bytes, more than the ${maxBytes} that the store may hold in total`,
      );
    }
    const key = unfinishedKey(attempt);
    await this.#bucket.put(key, Buffer.alloc(0));
    this.#census.addOther(key, attempt);
    try {
      await this.#refreshed();
    } catch (error) {
      await this.finish(attempt).catch(() => {});
      throw error;
    }
  }

  /** Takes room from the room that is reserved in advance. Returns false if there is none. */
  take(bytes: number): Promise<boolean> {
    return this.#allotments.take(bytes);
  }

  /** Returns room that was taken and is not used. */
  giveBack(bytes: number): void {
    this.#allotments.giveBack(bytes);
  }

  /** Lists an attempt while it is being committed. */
  async enterEarly(record: PredictionRecord, attempt: Attempt): Promise<void> {
    try {
      await this.enter(record, attempt);
    } catch {
      this.#unlisted.set(attempt.attempt, [record, attempt]);
    }
  }

  /** Removes an attempt that was not committed from the index. */
  async leave(record: PredictionRecord, attempt: Attempt): Promise<void> {
    const key = indexKey(record, attempt);
    this.#unlisted.delete(attempt.attempt);
    this.#census.remove(key);
    await this.#bucket.remove(key);
  }

  /** Frees the room that is reserved in advance. */
  async close(): Promise<void> {
    await this.#allotments.release();
  }

  /** Lists a committed attempt. */
  async enter(record: PredictionRecord, attempt: Attempt): Promise<void> {
    const key = indexKey(record, attempt);
    await this.#bucket.put(key, Buffer.alloc(0));
    this.#census.add(parseIndexKey(key)!);
    this.#census.use(record.id, this.#options.service, Date.now());
  }

  /** Frees the reservation of an attempt that is listed, or whose objects are removed. */
  async finish(attempt: Attempt): Promise<void> {
    const key = unfinishedKey(attempt);
    await this.#bucket.remove(key);
    this.#census.remove(key);
  }

  /** Removes the objects of an attempt that was not committed. */
  async clear(attempt: Attempt): Promise<void> {
    await this.#removeObjects(attempt);
    await this.finish(attempt);
  }

  /**
   * Notes that a prediction is used. If the note cannot be written, it is lost.
   *
   * @param isRead true if its objects are read from now on; false if they are already in memory
   */
  use(id: string, isRead: boolean): void {
    const now = Date.now();
    this.#census.use(id, this.#options.service, now);
    if (now - (this.#noted.get(id) ?? 0) < USE_RESOLUTION_MS) return;
    this.#noted.set(id, now);
    const note = async () => {
      // It may have been deleted in the meantime.
      if (this.#noted.get(id) !== now) return;
      await this.#bucket.put(usedKey(id, this.#options.service), Buffer.alloc(0)).catch(() => {});
    };
    // If the objects are in memory, the note may wait until the answer is sent.
    if (isRead) void note();
    else setTimeout(note, LATER_MS).unref();
  }

  /** Protects an attempt from eviction for a time, since a client reads it directly from the bucket. */
  lend({ attempt }: Attempt, milliseconds: number): void {
    const now = performance.now();
    for (const [name, end] of this.#lent) if (end < now) this.#lent.delete(name);
    this.#lent.set(attempt, now + milliseconds);
  }

  /**
   * Removes a prediction from everything that is served. Clients that read it may continue for a while. Returns false
   * if the commit has changed since it was found.
   */
  async discard(
    commit: Commit,
    etag: string,
    graceMilliseconds = this.#options.graceMilliseconds,
  ): Promise<boolean> {
    const attempt = attemptOf(commit);
    this.#noted.delete(attempt.id);
    const listed = indexKey(commit.record, attempt);
    const trash = trashKey(Date.now() + Math.max(REMOVAL_MS, graceMilliseconds), attempt);
    await this.#bucket.put(trash, Buffer.from(listed));
    if (!(await this.#bucket.remove(recordKey(attempt.id), { etag }))) {
      await this.#bucket.remove(trash);
      return false;
    }
    await this.#bucket.remove(listed);
    this.#census.remove(listed);
    this.#census.addOther(trash, attempt);
    if (graceMilliseconds === 0) await this.#empty(trash, attempt);
    return true;
  }

  /**
   * Removes deleted predictions that no client reads any more, and finishes or removes what writers that are gone
   * have left behind.
   */
  async sweep(now = Date.now()): Promise<void> {
    for await (const { key } of this.#bucket.all(TRASH)) {
      const attempt = parseTrashKey(key);
      if (!attempt || attempt.due > now) continue;
      if ((await this.#committed(attempt))?.attempt === attempt.attempt) await this.#bucket.remove(key);
      else await this.#empty(key, attempt);
    }
    for await (const { key, modified } of this.#bucket.all(UNFINISHED)) {
      const attempt = parseUnfinishedKey(key);
      if (!attempt || now - modified.getTime() < this.#options.graceMilliseconds) continue;
      const commit = await this.#committed(attempt);
      if (commit?.attempt === attempt.attempt) {
        await this.enter(commit.record, attempt);
        await this.finish(attempt);
      } else await this.clear(attempt);
    }
    await this.#allotments.releaseOld();
    for (const [name, listing] of this.#unlisted) {
      await this.enter(...listing);
      this.#unlisted.delete(name);
    }
    for await (const { key, modified } of this.#bucket.all(ALLOTMENTS)) {
      if (now - modified.getTime() < this.#options.graceMilliseconds) continue;
      // The service that held it may have stopped after the commit, or after the index key, of one of its
      // predictions.
      await audit(this.#bucket, now - this.#options.graceMilliseconds, (id) => this.#enterAgain(id));
      await this.#bucket.remove(key);
    }
    await this.count();
  }

  async #enterAgain(id: string): Promise<void> {
    const object = await this.#bucket.get(recordKey(id));
    try {
      const commit = object && readCommit(object.bytes, id).commit;
      if (commit) await this.enter(commit.record, attemptOf(commit));
    } catch (error) {
      // Another version lists its own predictions. A corrupt one is removed when a client asks for it.
      if (!(error instanceof NotUnderstoodError || error instanceof StoreCorruptError)) throw error;
    }
  }

  /**
   * Makes room based on the current contents, also for other services: if two find no room at the same time, both
   * make some.
   */
  async #refreshed(): Promise<void> {
    await this.#census.refresh();
    await this.#makeRoom();
  }

  /** Evicts enough predictions. Throws, without evicting anything, if not enough can be evicted. */
  async #makeRoom(): Promise<void> {
    let excess = this.#census.bytes - this.#options.maxBytes;
    if (excess <= 0) return;
    const isFree = (entry: IndexEntry) =>
      !this.#options.isOpen(entry) && (this.#lent.get(entry.attempt) ?? 0) < performance.now();
    const candidates = this.#census.leastRecentlyUsed().filter(isFree);
    if (candidates.reduce((sum, { bytes }) => sum + bytes, 0) < excess) {
      throw new Error('the store is full of predictions that are being read or written; try again later');
    }
    for (const entry of candidates) {
      if (await this.#evict(entry)) excess -= entry.bytes;
      if (excess <= 0) return;
    }
    throw new Error('the store is full of predictions that are being read or written; try again later');
  }

  async #evict(entry: IndexEntry): Promise<boolean> {
    const { id, key } = entry;
    const object = await this.#bucket.get(recordKey(id));
    const commit = object && readCommit(object.bytes, id).commit;
    if (commit?.attempt !== entry.attempt) {
      // Another service deleted it, but stopped before it removed the index key.
      await this.#bucket.remove(key);
      this.#census.remove(key);
      return true;
    }
    // A client that reads a prediction stored whole already has all of it in memory.
    if (!('meta' in commit) && (await this.#isReadElsewhere(id))) return false;
    return this.discard(commit, object!.etag, 0);
  }

  /** Returns true if another service used the prediction so recently that a client may still read it there. */
  async #isReadElsewhere(id: string): Promise<boolean> {
    const { service, graceMilliseconds } = this.#options;
    for await (const { key, modified } of this.#bucket.all(usedPrefix(id))) {
      if (key === usedKey(id, service)) continue;
      if (Date.now() - modified.getTime() < graceMilliseconds + USE_RESOLUTION_MS) return true;
    }
    return false;
  }

  async #committed({ id }: Attempt): Promise<Commit | null> {
    const object = await this.#bucket.get(recordKey(id));
    return object && readCommit(object.bytes, id).commit;
  }

  async #empty(trash: string, attempt: Attempt): Promise<void> {
    const listed = await this.#bucket.get(trash);
    if (listed && listed.bytes.length > 0) await this.#bucket.remove(listed.bytes.toString());
    await this.#removeObjects(attempt);
    for await (const { key } of this.#bucket.all(usedPrefix(attempt.id))) await this.#bucket.remove(key);
    await this.#bucket.remove(trash);
    this.#census.remove(trash);
  }

  async #removeObjects(attempt: Attempt): Promise<void> {
    await Promise.all([this.#bucket.remove(blocksKey(attempt)), this.#bucket.remove(metaKey(attempt))]);
  }
}
