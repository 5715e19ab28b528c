import { randomBytes } from 'node:crypto';
import type { Graph } from '../../architecture/schema.js';
import type { JsonText } from '../../json-text.js';
import type { PredictionRecord } from '../../record/record.js';
import type { TiledTensor } from '../../tensor/tensor.js';
import { BlocksReader } from '../blocks/blocks-reader.js';
import { checksumsOf } from '../blocks/manifest.js';
import { OpenPredictions } from '../blocks/open-predictions.js';
import { RunCache } from '../blocks/run-cache.js';
import { decodeCursor, type ListOptions, type RecordPage } from '../list.js';
import { checkId, isId } from '../prediction-id.js';
import {
  NotUnderstoodError,
  type PredictionRemains,
  type PredictionStore,
  type PredictionToStore,
  type Saved,
  type SaveOptions,
  StoreCorruptError,
  type StoredPrediction,
  StoreUnchangedError,
  type Version,
} from '../store.js';
import { Turns } from '../turns.js';
import { type BucketLocation, ObjectBucket, type RequestObserver } from './bucket.js';
import { claimBucket, probeBucket } from './claim.js';
import { attemptOf, Commits, type Found, nameOf } from './commits.js';
import {
  amendedCommit,
  type Commit,
  type Meta,
  readCommit,
  readMeta,
  readRemains,
  sealRemains,
} from './documents.js';
import { blocksKey, metaKey, recordKey, remainsKey } from './keys.js';
import { listPage } from './listing.js';
import { MemoryBytes, ObjectBytes } from './object-bytes.js';
import { S3Promises } from './promises.js';
import { publish } from './publish.js';
import { Room } from './room.js';

/** Size of the cache of verified runs: the runs of 32 downloads. */
const CACHE_BYTES = 32 * 2 ** 20;

/** Longer than any answer takes. */
const GRACE_MS = 15 * 60_000;

const SWEEP_MS = 60_000;

/**
 * Blocks of up to this size are stored in the commit, so that one object is written and read instead of three.
 * Reading the record reads them as well.
 */
const WHOLE_BYTES = 64 * 2 ** 10;

/** Number of attempts to make a change if other services change the same object first. */
const MAX_TRIES = 20;

/** Lifetime of a link: shorter than the time for which a deleted prediction stays readable. */
const LINK_SECONDS = 600;

const SERVICE_BYTES = 8;

/** Time that requests under way may take when the store is closed. */
const CLOSE_MS = 3000;

export interface S3StoreOptions {
  /** Limit for all predictions together. Above it, the least recently used predictions are deleted. */
  readonly maxBytes: number;
  /** Called for each prediction that was found corrupt and removed, and for each that could not be removed. */
  readonly onProblem?: (problem: Error) => void;
  readonly onRequest?: RequestObserver;
  /**
   * Time for which a deleted prediction stays readable, and for which a writer may be silent before it counts as dead.
   */
  readonly graceMilliseconds?: number;
  /** Blocks of up to this many bytes are stored in one object with the record. */
  readonly wholeBytes?: number;
}

/**
 * Stores predictions in a bucket that any number of services share. A prediction exists while `records/{id}.json`
 * does. That object is written last, once, on the condition that it does not exist yet, and names the attempt that
 * has the prediction's blocks.
 */
export class S3Store implements PredictionStore {
  readonly promises: S3Promises;
  readonly #bucket: ObjectBucket;
  readonly #room: Room;
  readonly #commits: Commits;
  readonly #grace: number;
  readonly #wholeBytes: number;
  readonly #onProblem: (problem: Error) => void;
  readonly #turns = new Turns();
  readonly #open: OpenPredictions;
  readonly #cache = new RunCache(CACHE_BYTES);
  /** Attempts that were found corrupt, each with a promise that settles once it is removed. */
  readonly #corrupt = new Map<string, Promise<void>>();
  readonly #sweeping: NodeJS.Timeout;

  /**
   * Rejects with a StoreRefusedError if the bucket cannot be this store, and with a StoreBusyError if it cannot be
   * reached.
   */
  static async open(location: BucketLocation, options: S3StoreOptions): Promise<S3Store> {
    const bucket = new ObjectBucket(location, options.onRequest);
    try {
      await claimBucket(bucket);
      const store = new S3Store(bucket, options);
      await store.#room.count();
      return store;
    } catch (error) {
      bucket.close();
      throw error;
    }
  }

  private constructor(
    bucket: ObjectBucket,
    { maxBytes, onProblem, graceMilliseconds, wholeBytes }: S3StoreOptions,
  ) {
    this.#bucket = bucket;
    this.promises = new S3Promises(bucket);
    this.#onProblem = onProblem ?? (() => {});
    this.#grace = graceMilliseconds ?? GRACE_MS;
    this.#wholeBytes = wholeBytes ?? WHOLE_BYTES;
    this.#open = new OpenPredictions(this.#onProblem);
    this.#commits = new Commits(bucket, {
      isCorrupt: (attempt) => this.#corrupt.has(nameOf(attempt)),
      onProblem: this.#onProblem,
    });
    this.#room = new Room(bucket, {
      maxBytes,
      graceMilliseconds: this.#grace,
      service: randomBytes(SERVICE_BYTES).toString('hex'),
      isOpen: (attempt) => this.#open.has(nameOf(attempt)),
    });
    this.#sweeping = setInterval(() => this.sweep().catch(this.#onProblem), SWEEP_MS).unref();
  }

  async save(prediction: PredictionToStore, { signal }: SaveOptions = {}): Promise<Saved> {
    const { id } = prediction.record;
    checkId(id);
    return this.#turns.run(id, async () => {
      signal?.throwIfAborted();
      const saved = await publish(prediction, {
        bucket: this.#bucket,
        commits: this.#commits,
        room: this.#room,
        graceMilliseconds: this.#grace,
        wholeBytes: this.#wholeBytes,
        onProblem: this.#onProblem,
        signal,
      });
      if (this.#corrupt.size > 0) await this.#deleteRemains(id);
      return saved;
    });
  }

  async open(id: string): Promise<StoredPrediction | null> {
    const found = await this.#commits.find(id);
    if (!found) return null;
    const { record, attempt } = found.commit;
    const name = nameOf({ id, attempt });
    try {
      const { blocks, release } = await this.#open.borrow(name, () => this.#readBlocks(found));
      this.#room.use(id, found.blocks === null);
      const { tensors, checksums, format } = blocks;
      const isLinked = format !== undefined && found.blocks === null;
      const body = isLinked ? { format, link: (as: string) => this.#link(found, as) } : undefined;
      return { record, tensors, checksums, release, ...(body && { body }) };
    } catch (error) {
      return this.#absentIfDamaged(found, error);
    }
  }

  async record(id: string): Promise<PredictionRecord | null> {
    return (await this.#commits.find(id))?.commit.record ?? null;
  }

  async architecture(id: string): Promise<Graph | JsonText | null> {
    return (await this.#findMeta(id))?.architecture ?? null;
  }

  async kerasModel(id: string): Promise<unknown> {
    return (await this.#findMeta(id))?.kerasModel ?? null;
  }

  async remains(id: string): Promise<PredictionRemains | null> {
    if (!isId(id) || (await this.#commits.find(id))) return null;
    await Promise.all([...this.#corrupt].map(([name, settled]) => name.startsWith(`${id}/`) && settled));
    const object = await this.#bucket.get(remainsKey(id));
    return object && readRemains(object.bytes, id);
  }

  checksums(tensors: readonly TiledTensor[]): Promise<string> {
    return checksumsOf(tensors);
  }

  async list({ cursor, ...options }: ListOptions): Promise<RecordPage> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    return listPage(this.#bucket, options, after, async ({ id, attempt }) => {
      const found = await this.#commits.find(id);
      return found?.commit.attempt === attempt ? found.commit.record : null;
    });
  }

  async amend(
    { id, generation }: Version,
    change: (record: PredictionRecord) => Partial<PredictionRecord> | null,
  ): Promise<boolean> {
    return this.#turns.run(id, async () => {
      for (let time = 0; time < MAX_TRIES; time++) {
        const found = await this.#commits.find(id);
        if (found?.commit.record.generation !== generation) return false;
        const fields = change(found.commit.record);
        if (!fields) return false;
        const { etag } = found;
        if (await this.#bucket.put(recordKey(id), amendedCommit(found, fields), { etag })) return true;
      }
      throw new StoreUnchangedError(`prediction ${id} could not be amended: other services keep changing it`);
    });
  }

  async delete(id: string): Promise<boolean> {
    if (!isId(id)) return false;
    return this.#turns.run(id, async () => {
      for (let time = 0; time < MAX_TRIES; time++) {
        const found = await this.#commits.find(id);
        if (!found) return this.#deleteRemains(id);
        this.#open.forget(nameOf(attemptOf(found.commit)));
        if (await this.#room.discard(found.commit, found.etag)) return true;
      }
      throw new StoreUnchangedError(`prediction ${id} could not be removed: other services keep changing it`);
    });
  }

  async usage(): Promise<number> {
    return this.#room.bytes;
  }

  async probe(): Promise<void> {
    await probeBucket(this.#bucket);
  }

  leave(): void {
    void this.#bucket.leave();
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    const limit = setTimeout(() => this.#bucket.abandon(), CLOSE_MS).unref();
    await this.#turns.idle();
    await Promise.all(this.#corrupt.values());
    // Room that cannot be freed now is counted until it is old.
    await this.#room.close().catch(() => {});
    clearTimeout(limit);
    this.#bucket.close();
  }

  /**
   * Removes deleted predictions that no client reads any more, and finishes what writers that are gone have left
   * behind. A timer calls this every minute.
   */
  async sweep(now?: number): Promise<void> {
    await this.#room.sweep(now);
  }

  async #findMeta(id: string): Promise<Meta | null> {
    const found = await this.#commits.find(id);
    if (!found) return null;
    try {
      return await this.#readMeta(found.commit);
    } catch (error) {
      return this.#absentIfDamaged(found, error);
    }
  }

  async #readMeta(commit: Commit): Promise<Meta> {
    if ('meta' in commit) return commit.meta;
    const attempt = attemptOf(commit);
    const object = await this.#bucket.get(metaKey(attempt));
    if (!object) throw new StoreCorruptError(`prediction ${attempt.id}: its meta.json is missing`);
    return readMeta(object.bytes, attempt.id);
  }

  async #readBlocks(found: Found): Promise<BlocksReader> {
    const attempt = attemptOf(found.commit);
    const { manifest } = await this.#readMeta(found.commit);
    const bytes = found.blocks
      ? new MemoryBytes(found.blocks)
      : new ObjectBytes(this.#bucket, blocksKey(attempt), manifest.bytes);
    return new BlocksReader(bytes, {
      id: nameOf(attempt),
      manifest,
      cache: this.#cache,
      onCorrupt: (error) => this.#setAside(found, error),
    });
  }

  /** An address from which clients can download the blocks. They are kept for as long as the address is valid. */
  async #link({ commit }: Found, fileName: string): Promise<string> {
    const attempt = attemptOf(commit);
    this.#room.lend(attempt, LINK_SECONDS * 1000);
    return this.#bucket.link(blocksKey(attempt), LINK_SECONDS, fileName);
  }

  #absentIfDamaged(found: Found, error: unknown): null {
    if (error instanceof NotUnderstoodError) this.#onProblem(error);
    else if (error instanceof StoreCorruptError) this.#setAside(found, error);
    else throw error;
    return null;
  }

  /**
   * Removes a corrupt prediction. From now on it counts as missing; its remains allow it to be made and saved again.
   */
  #setAside(found: Found, error: StoreCorruptError): void {
    const name = nameOf(attemptOf(found.commit));
    if (this.#corrupt.has(name)) return;
    this.#open.forget(name);
    this.#onProblem(error);
    const settled = this.#turns
      .run(found.commit.record.id, () => this.#replaceByRemains(found))
      .catch((problem: unknown) => this.#onProblem(problem as Error));
    this.#corrupt.set(name, settled);
  }

  async #replaceByRemains({ commit }: Found): Promise<void> {
    const { id } = commit.record;
    // The commit may have been amended in the meantime; it is removed all the same.
    const object = await this.#bucket.get(recordKey(id));
    const now = object && readCommit(object.bytes, id).commit;
    if (now?.attempt !== commit.attempt) return;
    const meta = await this.#readMeta(commit).catch(() => null);
    if (meta) {
      const { architecture, kerasModel } = meta;
      await this.#bucket.put(remainsKey(id), sealRemains({ record: now.record, architecture, kerasModel }));
    }
    await this.#room.discard(now, object!.etag);
  }

  async #deleteRemains(id: string): Promise<boolean> {
    if (!(await this.#bucket.get(remainsKey(id)))) return false;
    await this.#bucket.remove(remainsKey(id));
    return true;
  }
}
