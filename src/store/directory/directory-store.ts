import type { Graph } from '../../architecture/schema.js';
import type { PredictionRecord } from '../../predictions/record.js';
import type { TiledTensor } from '../../tensor/tensor.js';
import {
  type ListOptions,
  type PredictionRemains,
  type PredictionStore,
  type PredictionToStore,
  type RecordPage,
  StoreCorruptError,
  type StoredPrediction,
} from '../store.js';
import { checksumsOf } from './blocks-file.js';
import { BlocksReader } from './blocks-reader.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { errorCode, failure, isFull } from './errors.js';
import { isId, PredictionFolders } from './folders.js';
import { OpenPredictions } from './open-predictions.js';
import {
  amendedRecord,
  noteUse,
  openBlocksFile,
  type PlannedFolder,
  planFolder,
  RECORD,
  readArchitecture,
  readEntry,
  readKerasModel,
  readRecord,
  readRemains,
} from './prediction-folder.js';
import { type IndexEntry, PredictionIndex } from './prediction-index.js';
import { Remains } from './remains.js';
import { RunCache } from './run-cache.js';
import { Turns } from './turns.js';

/** Of verified runs in memory: a ResNet-50's blocks six times, or what 32 downloads are being written from. */
const CACHE_BYTES = 32 * 2 ** 20;

/** Folders read at the same time at the start: more than the threads that read them, so that none waits. */
const FOLDERS_AT_ONCE = 32;

/** How old a noted use may get: the order of eviction is one of hours, and a note costs a write. */
const USE_RESOLUTION_MS = 60_000;

export interface DirectoryStoreOptions {
  /** Of all predictions together: beyond it the least recently used ones go. */
  readonly maxBytes: number;
  /** Is told what was found corrupt and removed, and what could not be removed. */
  readonly onProblem?: (problem: Error) => void;
}

/**
 * Predictions in a directory of a local or network file system. A service has a directory of its own: several may share
 * one without harm to what is in it, but each sees what another has saved only after its next start, and each bounds only
 * what it sees.
 *
 * The least recently used predictions are evicted, never one that is open, before the bound is exceeded and, once, where
 * the disk is full earlier than that. What is deleted while it is open takes up its bytes until it is released, and is
 * not counted.
 */
export class DirectoryStore implements PredictionStore {
  readonly #folders: PredictionFolders;
  readonly #maxBytes: number;
  readonly #onProblem: (problem: Error) => void;
  readonly #index = new PredictionIndex();
  readonly #open: OpenPredictions;
  readonly #cache = new RunCache(CACHE_BYTES);
  readonly #remains = new Remains();
  /** One at a time writes to a prediction's folder. */
  readonly #turns = new Turns();
  /** Of saves under way. */
  #reserved = 0;

  /**
   * Clears what earlier lives have left unfinished, removes and reports what is not whole, and resolves when all others
   * are known. Rejects where the directory cannot be made or read.
   */
  static async open(directory: string, options: DirectoryStoreOptions): Promise<DirectoryStore> {
    const store = new DirectoryStore(await PredictionFolders.open(directory), options);
    await store.#start();
    return store;
  }

  private constructor(folders: PredictionFolders, { maxBytes, onProblem }: DirectoryStoreOptions) {
    this.#folders = folders;
    this.#maxBytes = maxBytes;
    this.#onProblem = onProblem ?? (() => {});
    this.#open = new OpenPredictions(this.#onProblem);
  }

  get bytes(): number {
    return this.#index.bytes;
  }

  async save(prediction: PredictionToStore): Promise<void> {
    const { id } = prediction.record;
    if (!isId(id))
      throw new Error(`${JSON.stringify(id)} is no id: 16 to 64 hexadecimal digits in lower case`);
    await this.#turns.run(id, async () => {
      if (this.#index.get(id)) return;
      try {
        await this.#write(id, planFolder(prediction));
      } catch (error) {
        throw failure(`prediction ${id} could not be stored`, error);
      }
    });
  }

  async open(id: string): Promise<StoredPrediction | null> {
    this.#use(id);
    return this.#whole(id, async (folder) => {
      const { blocks, release } = await this.#open.borrow(id, (isCurrent) => this.#readBlocks(id, isCurrent));
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
    return this.#whole(id, (folder) => readRecord(folder, id));
  }

  async architecture(id: string): Promise<Graph | null> {
    return this.#whole(id, (folder) => readArchitecture(folder, id));
  }

  async kerasModel(id: string): Promise<unknown> {
    return this.#whole(id, (folder) => readKerasModel(folder, id));
  }

  async remains(id: string): Promise<PredictionRemains | null> {
    return this.#remains.get(id);
  }

  checksums(tensors: readonly TiledTensor[]): Promise<string> {
    return checksumsOf(tensors);
  }

  async list({ limit, cursor, architecture, ghn, status }: ListOptions): Promise<RecordPage> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const entries = this.#index.newest(limit + 1, { architecture, ghn, status }, after);
    const page = entries.slice(0, limit);
    const records = await Promise.all(page.map(({ id }) => this.record(id)));
    return {
      records: records.filter((record) => record !== null),
      nextCursor: entries.length > limit ? encodeCursor(page[limit - 1]) : null,
    };
  }

  async amend(id: string, fields: Partial<PredictionRecord>): Promise<void> {
    await this.#turns.run(id, async () => {
      const entry = this.#index.get(id);
      if (!entry) return;
      const amended = await this.#whole(id, (folder) => amendedRecord(folder, entry, fields));
      if (!amended) return;
      try {
        await this.#folders.replaceFile(id, RECORD, amended.file);
      } catch (error) {
        throw failure(`prediction ${id} could not be amended`, error);
      }
      if (this.#index.get(id)) this.#index.set(amended.entry);
    });
  }

  async delete(id: string): Promise<boolean> {
    const known = this.#forget(id);
    const remained = this.#remains.delete(id);
    return this.#turns.run(id, async () => {
      // Or it was being saved.
      const entry = known ?? this.#forget(id);
      if (entry) await this.#removeFolder(entry);
      return entry !== undefined || remained;
    });
  }

  /** Waits for what is being written. What is open can be read on until it is released. */
  async close(): Promise<void> {
    this.#folders.close();
    await this.#turns.idle();
  }

  async #start(): Promise<void> {
    const ids = await this.#folders.ids();
    const entries: IndexEntry[] = [];
    for (let k = 0; k < ids.length; k += FOLDERS_AT_ONCE) {
      const some = ids.slice(k, k + FOLDERS_AT_ONCE).map((id) => this.#readEntry(id));
      entries.push(...(await Promise.all(some)).filter((entry) => entry !== null));
    }
    entries.sort((a, b) => a.usedAt - b.usedAt);
    for (const entry of entries) this.#index.set(entry);
    await this.#makeRoom();
    await this.#folders.clearUnfinished(this.#onProblem);
  }

  /** Null, and the folder removed, where it is not whole. */
  async #readEntry(id: string): Promise<IndexEntry | null> {
    try {
      return await readEntry(this.#folders.path(id), id);
    } catch (error) {
      if (!(error instanceof StoreCorruptError)) throw error;
      this.#onProblem(error);
      this.#remains.add(id, readRemains(this.#folders.path(id), id));
      await this.#remains.get(id);
      await this.#folders.discard(id).catch(this.#onProblem);
      return null;
    }
  }

  async #write(id: string, planned: PlannedFolder): Promise<void> {
    if (planned.bytes > this.#maxBytes) {
      throw new Error(
        `it takes up ${planned.bytes} bytes, more than the ${this.#maxBytes} that the store may hold altogether`,
      );
    }
    this.#reserved += planned.bytes;
    try {
      await this.#makeRoom();
      await this.#publish(id, planned).catch(async (error: unknown) => {
        if (!isFull(error)) throw error;
        // The disk is smaller than the bound: without this nothing new would ever be stored again.
        if ((await this.#evict(this.#leastRecentlyUsed(planned.bytes))) === 0) throw error;
        await this.#publish(id, planned);
      });
      this.#index.set(await readEntry(this.#folders.path(id), id));
      this.#remains.delete(id);
    } finally {
      this.#reserved -= planned.bytes;
    }
  }

  async #publish(id: string, { write }: PlannedFolder): Promise<void> {
    try {
      await this.#folders.publish(id, write);
    } catch (error) {
      if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
      // Another service has saved it, unless what is there is not whole.
      if (await this.#readEntry(id)) return;
      await this.#folders.publish(id, write);
    }
  }

  /** Evicts what must go for the saves under way; throws, and evicts nothing, if there is not enough of it. */
  async #makeRoom(): Promise<void> {
    const excess = this.#index.bytes + this.#reserved - this.#maxBytes;
    if (excess <= 0) return;
    const entries = this.#leastRecentlyUsed(excess);
    if (entries.reduce((sum, entry) => sum + entry.bytes, 0) < excess) {
      throw new Error('the store is full of predictions that are being read or written; try again later');
    }
    await this.#evict(entries);
  }

  #leastRecentlyUsed(bytes: number): IndexEntry[] {
    return this.#index.leastRecentlyUsed(bytes, (id) => !this.#open.has(id));
  }

  async #evict(entries: readonly IndexEntry[]): Promise<number> {
    for (const { id } of entries) this.#forget(id);
    await Promise.all(entries.map((entry) => this.#turns.run(entry.id, () => this.#removeFolder(entry))));
    return entries.length;
  }

  /** Takes a prediction out of all that is served; whoever reads it goes on. */
  #forget(id: string): IndexEntry | undefined {
    this.#open.forget(id);
    return this.#index.remove(id);
  }

  async #removeFolder(entry: IndexEntry): Promise<void> {
    try {
      await this.#folders.discard(entry.id);
    } catch (error) {
      this.#index.set(entry);
      throw failure(`prediction ${entry.id} could not be removed`, error);
    }
  }

  /** Removes a prediction that is not whole: from now on there is none, and it can be saved again. */
  #setAside(id: string, problem: Error): void {
    this.#forget(id);
    this.#onProblem(problem);
    this.#remains.add(
      id,
      this.#turns.run(id, () => readRemains(this.#folders.path(id), id)),
    );
    this.#turns
      .run(id, async () => {
        // Again, should a save whose turn came before have taken it for whole.
        this.#forget(id);
        await this.#folders.discard(id);
      })
      .catch(this.#onProblem);
  }

  /** What `read` finds in a prediction's folder; null if there is none or it is not whole. */
  async #whole<T>(id: string, read: (folder: string) => Promise<T>): Promise<T | null> {
    if (!this.#index.get(id)) return null;
    try {
      return await read(this.#folders.path(id));
    } catch (error) {
      if (!(error instanceof StoreCorruptError)) throw error;
      // Else it was removed meanwhile.
      if (this.#index.get(id)) this.#setAside(id, error);
      return null;
    }
  }

  async #readBlocks(id: string, isCurrent: () => boolean): Promise<BlocksReader> {
    const { handle, manifest } = await openBlocksFile(this.#folders.path(id), id);
    const onCorrupt = (error: StoreCorruptError) => {
      if (isCurrent()) this.#setAside(id, error);
    };
    return new BlocksReader(handle, { id, manifest, cache: this.#cache, onCorrupt });
  }

  #use(id: string): void {
    this.#index.use(id);
    const entry = this.#index.get(id);
    const now = Date.now();
    if (!entry || now - entry.usedAt < USE_RESOLUTION_MS) return;
    this.#index.set({ ...entry, usedAt: now });
    // A use that cannot be noted is lost with the process, no more.
    noteUse(this.#folders.path(id), new Date(now)).catch(() => {});
  }
}
