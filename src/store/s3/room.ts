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

/** A use is noted in the bucket this often: the order of eviction is one of hours, and a note costs a request. */
const USE_RESOLUTION_MS = 60_000;

/** Who removes something has this long before others take it for left behind. */
const REMOVAL_MS = 60_000;

const LATER_MS = 50;

export interface RoomOptions {
  readonly maxBytes: number;
  /** For how long others may still read what is deleted, and a writer be silent before it is taken for gone. */
  readonly graceMilliseconds: number;
  /** Names this service among those that share the bucket. */
  readonly service: string;
  /** Whether somebody here reads it. */
  readonly isOpen: (attempt: Attempt) => boolean;
}

/** The room that predictions take up in a bucket which several services share: reserved before, given back after. */
export class Room {
  readonly #bucket: ObjectBucket;
  readonly #options: RoomOptions;
  readonly #census: Census;
  readonly #allotments: Allotments;
  /** Committed, and not listed yet: the answer of the bucket was no. */
  readonly #unlisted = new Map<string, readonly [PredictionRecord, Attempt]>();
  /** Until when attempts are lent. */
  readonly #lent = new Map<string, number>();
  /** When this service's uses were last noted in the bucket. */
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

  /** Counts all that is there. */
  async count(): Promise<void> {
    await this.#census.count();
  }

  /**
   * Makes room for an attempt, and holds it until `finish`: others see it, and one that is never finished is cleared away.
   * Throws, and has nothing go, where there is not enough room to be made.
   */
  async reserve(attempt: Attempt): Promise<void> {
    const { maxBytes } = this.#options;
    if (attempt.bytes > maxBytes) {
      throw new Error(
        `it takes up ${attempt.bytes} bytes, more than the ${maxBytes} that the store may hold altogether`,
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

  /** Whether there is room for so many bytes in what this service holds in advance: then it is taken. */
  take(bytes: number): Promise<boolean> {
    return this.#allotments.take(bytes);
  }

  /** Gives back room that was taken and is not used. */
  giveBack(bytes: number): void {
    this.#allotments.giveBack(bytes);
  }

  /** Lists what is being committed at the same time. */
  async enterEarly(record: PredictionRecord, attempt: Attempt): Promise<void> {
    try {
      await this.enter(record, attempt);
    } catch {
      this.#unlisted.set(attempt.attempt, [record, attempt]);
    }
  }

  /** Takes what was not committed from the list. */
  async leave(record: PredictionRecord, attempt: Attempt): Promise<void> {
    const key = indexKey(record, attempt);
    this.#unlisted.delete(attempt.attempt);
    this.#census.remove(key);
    await this.#bucket.remove(key);
  }

  /** Lets go of what is held in advance. */
  async close(): Promise<void> {
    await this.#allotments.release();
  }

  /** Lists what was committed. */
  async enter(record: PredictionRecord, attempt: Attempt): Promise<void> {
    const key = indexKey(record, attempt);
    await this.#bucket.put(key, Buffer.alloc(0));
    this.#census.add(parseIndexKey(key)!);
    this.#census.use(record.id, this.#options.service, Date.now());
  }

  /** The attempt is listed, or what it has written is gone. */
  async finish(attempt: Attempt): Promise<void> {
    const key = unfinishedKey(attempt);
    await this.#bucket.remove(key);
    this.#census.remove(key);
  }

  /** Removes what an attempt has written that was not committed. */
  async clear(attempt: Attempt): Promise<void> {
    await this.#removeObjects(attempt);
    await this.finish(attempt);
  }

  /**
   * Takes down that a prediction is used; a note that cannot be written is lost.
   *
   * @param isRead whether its objects are read from now on, or are in memory
   */
  use(id: string, isRead: boolean): void {
    const now = Date.now();
    this.#census.use(id, this.#options.service, now);
    if (now - (this.#noted.get(id) ?? 0) < USE_RESOLUTION_MS) return;
    this.#noted.set(id, now);
    const note = async () => {
      // It may have been deleted meanwhile.
      if (this.#noted.get(id) !== now) return;
      await this.#bucket.put(usedKey(id, this.#options.service), Buffer.alloc(0)).catch(() => {});
    };
    // Where nothing depends on it, the answer goes first.
    if (isRead) void note();
    else setTimeout(note, LATER_MS).unref();
  }

  /** Keeps an attempt for so long whatever room is needed: somebody reads it without asking here. */
  lend({ attempt }: Attempt, milliseconds: number): void {
    const now = performance.now();
    for (const [name, end] of this.#lent) if (end < now) this.#lent.delete(name);
    this.#lent.set(attempt, now + milliseconds);
  }

  /**
   * Takes a prediction out of all that is served; those who read it have a while to read on. Whether it was there as it
   * was found.
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

  /** Removes what nobody reads any more, and finishes or clears away what writers that are gone have left behind. */
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
      // Whoever held it may have got no further than to commit, or to list, one of its predictions.
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
      // Another version lists what it has written; what is corrupt is removed by who asks for it.
      if (!(error instanceof NotUnderstoodError || error instanceof StoreCorruptError)) throw error;
    }
  }

  /** Makes room by what is there now, for others too: of two that see no room both make some. */
  async #refreshed(): Promise<void> {
    await this.#census.refresh();
    await this.#makeRoom();
  }

  /** Evicts what must go; throws, and evicts nothing, if there is not enough of it. */
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
      // Somebody has deleted it, and got no further.
      await this.#bucket.remove(key);
      this.#census.remove(key);
      return true;
    }
    // Whoever reads one that is stored whole has all of it.
    if (!('meta' in commit) && (await this.#isReadElsewhere(id))) return false;
    return this.discard(commit, object!.etag, 0);
  }

  /** Whether another service has used it so lately that somebody may still read it there. */
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
