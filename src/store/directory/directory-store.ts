import type { Graph } from '../../architecture/schema.js';
import type { JsonText } from '../../json-text.js';
import type { PredictionRecord } from '../../record/record.js';
import { MAX_RECORDS_CHARACTERS, recordCharacters } from '../../record/record-size.js';
import type { TiledTensor } from '../../tensor/tensor.js';
import { checksumsOf } from '../blocks/manifest.js';
import { decodeCursor, encodeCursor, type ListOptions, type RecordPage } from '../list.js';
import { checkId } from '../prediction-id.js';
import {
  type PredictionRemains,
  type PredictionStore,
  type PredictionToStore,
  type Saved,
  type SaveOptions,
  type StoredPrediction,
  StoreRefusedError,
  type Version,
} from '../store.js';
import { errorCode, failure, isFull } from './errors.js';
import { PredictionFolders } from './folders.js';
import {
  amendedRecord,
  type PlannedFolder,
  planFolder,
  readArchitecture,
  readRecord,
} from './prediction-folder.js';
import { Shelf } from './shelf.js';
import { claimDirectory, type StoreLock } from './store-directory.js';

/** Codes of the errors with which a save finds its prediction there already, as a folder or as a file. */
const TAKEN: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOTDIR']);

/** Records that are read at the same time for a page of the list. */
const READ_AT_ONCE = 8;

export interface DirectoryStoreOptions {
  /** Limit for all predictions together. Above it, the least recently used predictions are deleted. */
  readonly maxBytes: number;
  /** Called for each prediction that was found corrupt and removed, and for each that could not be removed. */
  readonly onProblem?: (problem: Error) => void;
}

/**
 * Stores predictions in a directory of a local or network file system. Only one service may use the directory. The
 * store does not touch files that it does not understand, such as predictions of another version.
 *
 * Before the stored bytes exceed the limit, the least recently used predictions are evicted, but never one that is
 * open. If the disk is full before the limit is reached, the store evicts once and tries again. A prediction that is
 * deleted while it is open keeps its bytes on the disk until it is released; they are not counted.
 */
export class DirectoryStore implements PredictionStore {
  readonly #folders: PredictionFolders;
  readonly #lock: StoreLock;
  readonly #maxBytes: number;
  readonly #onProblem: (problem: Error) => void;
  readonly #shelf: Shelf;
  /** Bytes that the saves under way will take. */
  #reserved = 0;

  /**
   * Removes unfinished files of earlier processes, removes and reports corrupt predictions, and resolves once all
   * others are indexed. Rejects if the directory cannot be made or read, and with a StoreRefusedError if it holds
   * something other than a store or if another service uses it.
   */
  static async open(directory: string, options: DirectoryStoreOptions): Promise<DirectoryStore> {
    const lock = await claimDirectory(directory).catch((error: unknown) => {
      if (error instanceof StoreRefusedError) throw error;
      throw failure(`the store needs a directory that it may write to, and ${directory} is not one`, error);
    });
    try {
      const store = new DirectoryStore(await PredictionFolders.open(directory), lock, options);
      await store.#start();
      return store;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  private constructor(
    folders: PredictionFolders,
    lock: StoreLock,
    { maxBytes, onProblem }: DirectoryStoreOptions,
  ) {
    this.#folders = folders;
    this.#lock = lock;
    this.#maxBytes = maxBytes;
    this.#onProblem = onProblem ?? (() => {});
    this.#shelf = new Shelf(folders, this.#onProblem);
  }

  async save(prediction: PredictionToStore, { signal }: SaveOptions = {}): Promise<Saved> {
    const { id } = prediction.record;
    checkId(id);
    return this.#shelf.turns.run(id, async () => {
      const before = await this.#committed(prediction.record);
      if (before) return before;
      signal?.throwIfAborted();
      try {
        if (await this.#write(id, planFolder(prediction, signal))) return 'mine';
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        throw failure(`prediction ${id} could not be stored`, error);
      }
      return (await this.#committed(prediction.record)) ?? 'mine';
    });
  }

  async open(id: string): Promise<StoredPrediction | null> {
    this.#shelf.use(id);
    return this.#shelf.whole(id, async (folder) => {
      const { blocks, release } = await this.#shelf.borrow(id);
      try {
        const record = await readRecord(folder, id);
        return { record, tensors: blocks.tensors, checksums: blocks.checksums, release };
      } catch (error) {
        release();
        throw error;
      }
    });
  }

  async record(id: string): Promise<PredictionRecord | null> {
    return this.#shelf.whole(id, (folder) => readRecord(folder, id));
  }

  async architecture(id: string): Promise<Graph | JsonText | null> {
    return this.#shelf.graph(id, async (folder) => (await readArchitecture(folder, id)).architecture);
  }

  async kerasModel(id: string): Promise<unknown> {
    return this.#shelf.graph(id, async (folder) => (await readArchitecture(folder, id)).kerasModel ?? null);
  }

  async remains(id: string): Promise<PredictionRemains | null> {
    return this.#shelf.remains(id);
  }

  checksums(tensors: readonly TiledTensor[]): Promise<string> {
    return checksumsOf(tensors);
  }

  async list({ limit, cursor, architecture, ghn, status }: ListOptions): Promise<RecordPage> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const entries = this.#shelf.index.newest(limit + 1, { architecture, ghn, status }, after);
    const records: PredictionRecord[] = [];
    let read = 0;
    for (
      let characters = 0;
      read < Math.min(limit, entries.length) && characters < MAX_RECORDS_CHARACTERS;
    ) {
      const some = entries.slice(read, Math.min(limit, read + READ_AT_ONCE));
      for (const record of await Promise.all(some.map(({ id }) => this.record(id)))) {
        if (!record) continue;
        records.push(record);
        characters += recordCharacters(record);
      }
      read += some.length;
    }
    return { records, nextCursor: read < entries.length ? encodeCursor(entries[read - 1]) : null };
  }

  async amend(
    { id, generation }: Version,
    change: (record: PredictionRecord) => Partial<PredictionRecord> | null,
  ): Promise<boolean> {
    return this.#shelf.turns.run(id, async () => {
      const entry = this.#shelf.index.get(id);
      if (!entry) return false;
      const changed = (record: PredictionRecord) =>
        record.generation === generation ? change(record) : null;
      const amended = await this.#shelf.whole(id, (folder) => amendedRecord(folder, entry, changed));
      if (!amended) return false;
      try {
        await this.#folders.replaceFile(id, amended.name, amended.file);
      } catch (error) {
        throw failure(`prediction ${id} could not be amended`, error);
      }
      if (!this.#shelf.index.get(id)) return false;
      this.#shelf.index.set(amended.entry);
      return true;
    });
  }

  async delete(id: string): Promise<boolean> {
    return this.#shelf.delete(id);
  }

  async usage(): Promise<number> {
    return this.#shelf.index.bytes;
  }

  /** Checks only that the directory is writable; `open` has checked that no other service uses it. */
  async probe(): Promise<void> {
    await this.#folders.tryWriting();
  }

  /** Waits for saves under way. Open predictions stay readable until they are released. */
  async close(): Promise<void> {
    this.#folders.close();
    await this.#shelf.turns.idle();
    await this.#lock.release();
  }

  /** Compares the stored prediction's generation with the given one; null if no prediction is stored. */
  async #committed({ id, generation }: Version): Promise<Saved | null> {
    const record = await this.record(id);
    return record && (record.generation === generation ? 'mine' : 'theirs');
  }

  async #start(): Promise<void> {
    await this.#shelf.load();
    this.#reportExcess();
    // A prediction that cannot be removed takes up room, but the others are served all the same.
    await this.#makeRoom().catch(this.#onProblem);
    await this.#folders.clearUnfinished(this.#onProblem);
  }

  /** A lowered limit costs predictions, so it is reported before they are removed. */
  #reportExcess(): void {
    const excess = this.#shelf.index.bytes - this.#maxBytes;
    if (excess <= 0) return;
    const { length } = this.#shelf.leastRecentlyUsed(excess);
    this.#onProblem(
      new Error(
        `the store holds ${this.#shelf.index.bytes} bytes, more than STORE_MAX_BYTES (${this.#maxBytes}): the ` +
          `${length} least recently used predictions are removed`,
      ),
    );
  }

  /** Returns true if the folder was written, and false if the prediction was stored already. */
  async #write(id: string, planned: PlannedFolder): Promise<boolean> {
    if (planned.bytes > this.#maxBytes) {
      throw new Error(
        `it takes up ${planned.bytes} bytes, more than the ${this.#maxBytes} that the store may hold in total`,
      );
    }
    this.#reserved += planned.bytes;
    try {
      await this.#makeRoom();
      const isWritten = await this.#publish(id, planned).catch(async (error: unknown) => {
        if (!isFull(error)) throw error;
        // The disk is smaller than the limit: without evicting, no new prediction could ever be stored.
        const entries = this.#shelf.leastRecentlyUsed(planned.bytes);
        if (entries.length === 0) throw error;
        await this.#shelf.evict(entries);
        return this.#publish(id, planned);
      });
      if (isWritten) this.#shelf.add(planned.entry());
      else await this.#shelf.addFound(id);
      return isWritten;
    } finally {
      this.#reserved -= planned.bytes;
    }
  }

  async #publish(id: string, { packed, write }: PlannedFolder): Promise<boolean> {
    const publish = () =>
      packed ? this.#folders.publishFile(id, packed()) : this.#folders.publish(id, write);
    try {
      await publish();
    } catch (error) {
      if (!TAKEN.has(errorCode(error) ?? '')) throw error;
      // An earlier process stored it and this one has not indexed it, or the folder there is damaged.
      if (await this.#shelf.read(id)) return false;
      await publish();
    }
    return true;
  }

  /**
   * Evicts enough to make room for the saves under way. Throws, without evicting anything, if not enough can be
   * evicted.
   */
  async #makeRoom(): Promise<void> {
    const excess = this.#shelf.index.bytes + this.#reserved - this.#maxBytes;
    if (excess <= 0) return;
    const entries = this.#shelf.leastRecentlyUsed(excess);
    if (entries.reduce((sum, entry) => sum + entry.bytes, 0) < excess) {
      throw new Error('the store is full of predictions that are being read or written; try again later');
    }
    await this.#shelf.evict(entries);
  }
}
