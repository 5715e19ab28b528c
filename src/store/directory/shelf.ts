import { BlocksReader } from '../blocks/blocks-reader.js';
import { type Loan, OpenPredictions } from '../blocks/open-predictions.js';
import { RunCache } from '../blocks/run-cache.js';
import {
  NotUnderstoodError,
  type PredictionRemains,
  StoreCorruptError,
  StoreUnchangedError,
} from '../store.js';
import { Turns } from '../turns.js';
import { failure, systemReason } from './errors.js';
import type { PredictionFolders } from './folders.js';
import { noteUse, openBlocksFile, readEntry, readRemains } from './prediction-folder.js';
import { type IndexEntry, PredictionIndex } from './prediction-index.js';
import { Remains } from './remains.js';

/** Size of the cache of verified runs: six times the blocks of a ResNet-50, or the runs of 32 downloads. */
const CACHE_BYTES = 32 * 2 ** 20;

/** Folders read at the same time at the start: more than there are threads that read files, so that none is idle. */
const FOLDERS_AT_ONCE = 32;

/** A use is noted again only after this time: eviction depends on hours, and each note costs a write. */
const USE_RESOLUTION_MS = 60_000;

/** The predictions in the directory: their folders and their index. Predictions that turn out corrupt are removed. */
export class Shelf {
  readonly index = new PredictionIndex();
  /** Ensures that only one task at a time writes to a prediction's folder. */
  readonly turns = new Turns();
  readonly #folders: PredictionFolders;
  readonly #onProblem: (problem: Error) => void;
  readonly #open: OpenPredictions;
  readonly #cache = new RunCache(CACHE_BYTES);
  readonly #remains = new Remains();
  /** Predictions whose graph, and nothing else, was found corrupt. Each is reported once. */
  readonly #withoutGraph = new Set<string>();

  /**
   * `onProblem` is called for each prediction that was found corrupt and removed, and for each that could not be
   * removed.
   */
  constructor(folders: PredictionFolders, onProblem: (problem: Error) => void) {
    this.#folders = folders;
    this.#onProblem = onProblem;
    this.#open = new OpenPredictions(onProblem);
  }

  /** Builds the index from the directory. */
  async load(): Promise<void> {
    const ids = await this.#folders.ids();
    const entries: IndexEntry[] = [];
    for (let k = 0; k < ids.length; k += FOLDERS_AT_ONCE) {
      const some = ids.slice(k, k + FOLDERS_AT_ONCE).map((id) => this.#readAtStart(id));
      entries.push(...(await Promise.all(some)).filter((entry) => entry !== null));
    }
    entries.sort((a, b) => a.usedAt - b.usedAt);
    for (const entry of entries) this.index.set(entry);
  }

  /**
   * Reads the index entry of a folder. If the prediction is corrupt, removes the folder and returns null. @throws
   * NotUnderstoodError
   */
  async read(id: string): Promise<IndexEntry | null> {
    try {
      return await readEntry(this.#folders.path(id), id);
    } catch (error) {
      if (!(error instanceof StoreCorruptError)) throw error;
      this.#onProblem(error);
      this.#remains.add(id, readRemains(this.#folders.path(id), id));
      await this.#remains.get(id);
      await this.#removeCorrupt(id);
      return null;
    }
  }

  /** Adds a prediction whose folder was just written. */
  add(entry: IndexEntry): void {
    this.index.set(entry);
    this.#remains.delete(entry.id);
  }

  /** Adds a prediction whose folder an earlier process wrote. */
  async addFound(id: string): Promise<void> {
    this.add(await readEntry(this.#folders.path(id), id));
  }

  /** Returns the result of `read` on a prediction's folder; null if there is no such prediction or it is corrupt. */
  async whole<T>(id: string, read: (folder: string) => Promise<T>): Promise<T | null> {
    if (!this.index.get(id)) return null;
    try {
      return await read(this.#folders.path(id));
    } catch (error) {
      if (error instanceof NotUnderstoodError && this.index.get(id)) {
        this.#forget(id);
        this.#onProblem(error);
        return null;
      }
      if (!(error instanceof StoreCorruptError)) throw error;
      // Without an entry, the prediction was removed while it was read.
      if (this.index.get(id)) this.#setAside(id, error);
      return null;
    }
  }

  /**
   * Like `whole`, for reading the graph. If only the graph is damaged, this returns null and the prediction is still
   * served, since weights need no graph. A prediction that is deleted and made again has its graph again.
   */
  graph<T>(id: string, read: (folder: string) => Promise<T>): Promise<T | null> {
    return this.whole(id, async (folder) => {
      try {
        return await read(folder);
      } catch (error) {
        if (!(error instanceof StoreCorruptError)) throw error;
        await readEntry(folder, id);
        if (!this.#withoutGraph.has(id)) this.#onProblem(error);
        this.#withoutGraph.add(id);
        return null;
      }
    });
  }

  /** Opens a prediction's blocks for reading. Rejects with a StoreCorruptError if they cannot be found. */
  borrow(id: string): Promise<Loan> {
    return this.#open.borrow(id, (isCurrent) => this.#readBlocks(id, isCurrent));
  }

  /** Notes that a prediction is used. */
  use(id: string): void {
    this.index.use(id);
    const entry = this.index.get(id);
    const now = Date.now();
    if (!entry || now - entry.usedAt < USE_RESOLUTION_MS) return;
    this.index.set({ ...entry, usedAt: now });
    // If the note cannot be written, it is lost only when the process ends.
    noteUse(this.#folders.path(id), new Date(now)).catch(() => {});
  }

  /** The undamaged parts of a prediction that was found corrupt and is not stored again yet. */
  remains(id: string): Promise<PredictionRemains | null> {
    return this.#remains.get(id);
  }

  /** Deletes a prediction and its remains. Returns true if there were any. */
  async delete(id: string): Promise<boolean> {
    const known = this.#forget(id);
    const remained = this.#remains.delete(id);
    return this.turns.run(id, async () => {
      // If it was not known before, a save may have added it while this waited for its turn.
      const entry = known ?? this.#forget(id);
      if (entry) await this.#removeFolder(entry);
      return entry !== undefined || remained;
    });
  }

  /**
   * The least recently used predictions that are not open, enough of them to take up `bytes`, or all if that is not
   * enough.
   */
  leastRecentlyUsed(bytes: number): IndexEntry[] {
    return this.index.leastRecentlyUsed(bytes, (id) => !this.#open.has(id));
  }

  async evict(entries: readonly IndexEntry[]): Promise<void> {
    for (const { id } of entries) this.#forget(id);
    await Promise.all(entries.map((entry) => this.turns.run(entry.id, () => this.#removeFolder(entry))));
  }

  /** Stops serving a prediction. Clients that are reading it continue to the end. */
  #forget(id: string): IndexEntry | undefined {
    this.#open.forget(id);
    this.#withoutGraph.delete(id);
    return this.index.remove(id);
  }

  async #removeFolder(entry: IndexEntry): Promise<void> {
    try {
      await this.#folders.discard(entry.id);
    } catch (error) {
      this.index.set(entry);
      throw new StoreUnchangedError(`prediction ${entry.id} could not be removed: ${systemReason(error)}`, {
        cause: error,
      });
    }
  }

  /** Removes a corrupt prediction. From now on it counts as missing and can be saved again. */
  #setAside(id: string, problem: Error): void {
    this.#forget(id);
    this.#onProblem(problem);
    this.#remains.add(
      id,
      this.turns.run(id, () => readRemains(this.#folders.path(id), id)),
    );
    void this.turns.run(id, async () => {
      // Repeated, since a save whose turn came first may have added the folder again as undamaged.
      this.#forget(id);
      await this.#removeCorrupt(id);
    });
  }

  /** Does not reject: a folder that cannot be removed is not in the index, so it is not served. */
  async #removeCorrupt(id: string): Promise<void> {
    try {
      await this.#folders.discard(id);
    } catch (error) {
      this.#onProblem(failure(`prediction ${id} is not served, and could not be removed`, error));
    }
  }

  /** Like `read`, but also null if the folder cannot be read: one folder must not keep a service from starting. */
  async #readAtStart(id: string): Promise<IndexEntry | null> {
    try {
      return await this.read(id);
    } catch (error) {
      if (error instanceof NotUnderstoodError) {
        this.#onProblem(error);
        return null;
      }
      this.#onProblem(
        failure(`prediction ${id} could not be read, and is not served before the next start`, error),
      );
      return null;
    }
  }

  async #readBlocks(id: string, isCurrent: () => boolean): Promise<BlocksReader> {
    const { bytes, manifest } = await openBlocksFile(this.#folders.path(id), id);
    const onCorrupt = (error: StoreCorruptError) => {
      if (isCurrent()) this.#setAside(id, error);
    };
    return new BlocksReader(bytes, { id, manifest, cache: this.#cache, onCorrupt });
  }
}
