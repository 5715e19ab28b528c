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
import { fileBytes } from './blocks-file.js';
import { failure, systemReason } from './errors.js';
import type { PredictionFolders } from './folders.js';
import { noteUse, openBlocksFile, readEntry, readRemains } from './prediction-folder.js';
import { type IndexEntry, PredictionIndex } from './prediction-index.js';
import { Remains } from './remains.js';

/** Size of the cache of verified runs: a ResNet-50's blocks six times, or the runs of 32 downloads. */
const CACHE_BYTES = 32 * 2 ** 20;

/** Folders read at the same time at the start: more than the threads that read them, so that none waits. */
const FOLDERS_AT_ONCE = 32;

/** How old a noted use may get: the order of eviction is one of hours, and a note costs a write. */
const USE_RESOLUTION_MS = 60_000;

/** The predictions that are there, their folders and what is known of them: what is not whole is taken away. */
export class Shelf {
  readonly index = new PredictionIndex();
  /** One at a time writes to a prediction's folder. */
  readonly turns = new Turns();
  readonly #folders: PredictionFolders;
  readonly #onProblem: (problem: Error) => void;
  readonly #open: OpenPredictions;
  readonly #cache = new RunCache(CACHE_BYTES);
  readonly #remains = new Remains();
  /** Predictions whose graph was found corrupt, and nothing else: it is told once of each. */
  readonly #withoutGraph = new Set<string>();

  /** `onProblem` is told what was found corrupt and removed, and what could not be removed. */
  constructor(folders: PredictionFolders, onProblem: (problem: Error) => void) {
    this.#folders = folders;
    this.#onProblem = onProblem;
    this.#open = new OpenPredictions(onProblem);
  }

  /** Takes in what the directory has. */
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

  /** What a folder holds; null, and the folder removed, where it is not whole. @throws NotUnderstoodError */
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

  /** Adds what was written to its folder. */
  add(entry: IndexEntry): void {
    this.index.set(entry);
    this.#remains.delete(entry.id);
  }

  /** Adds what an earlier life has written to its folder. */
  async addFound(id: string): Promise<void> {
    this.add(await readEntry(this.#folders.path(id), id));
  }

  /** What `read` finds in a prediction's folder; null if there is none or it is not whole. */
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
      // Else it was removed meanwhile.
      if (this.index.get(id)) this.#setAside(id, error);
      return null;
    }
  }

  /**
   * As `whole`, for what is read of the graph: where the rest is whole, it is served on, since weights do without a graph.
   * A prediction that is deleted and made again has one again.
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

  /** A prediction's blocks to be read. Rejects with a StoreCorruptError where they are not to be found. */
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
    // A use that cannot be noted is lost with the process, no more.
    noteUse(this.#folders.path(id), new Date(now)).catch(() => {});
  }

  /** Remains of a prediction that was found corrupt and is not stored again. */
  remains(id: string): Promise<PredictionRemains | null> {
    return this.#remains.get(id);
  }

  /** Whether there was one, or remains. */
  async delete(id: string): Promise<boolean> {
    const known = this.#forget(id);
    const remained = this.#remains.delete(id);
    return this.turns.run(id, async () => {
      // Or it was being saved.
      const entry = known ?? this.#forget(id);
      if (entry) await this.#removeFolder(entry);
      return entry !== undefined || remained;
    });
  }

  /** As many as take up `bytes`, none of them open; all of these if they do not. */
  leastRecentlyUsed(bytes: number): IndexEntry[] {
    return this.index.leastRecentlyUsed(bytes, (id) => !this.#open.has(id));
  }

  async evict(entries: readonly IndexEntry[]): Promise<void> {
    for (const { id } of entries) this.#forget(id);
    await Promise.all(entries.map((entry) => this.turns.run(entry.id, () => this.#removeFolder(entry))));
  }

  /** Takes a prediction out of all that is served; whoever reads it goes on. */
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

  /** Removes a prediction that is not whole: from now on there is none, and it can be saved again. */
  #setAside(id: string, problem: Error): void {
    this.#forget(id);
    this.#onProblem(problem);
    this.#remains.add(
      id,
      this.turns.run(id, () => readRemains(this.#folders.path(id), id)),
    );
    void this.turns.run(id, async () => {
      // Again, should a save whose turn came before have taken it for whole.
      this.#forget(id);
      await this.#removeCorrupt(id);
    });
  }

  /** Nobody has to wait for it to succeed: what is left lying is not in the index. */
  async #removeCorrupt(id: string): Promise<void> {
    try {
      await this.#folders.discard(id);
    } catch (error) {
      this.#onProblem(failure(`prediction ${id} is not served, and could not be removed`, error));
    }
  }

  /** As `read`; null, too, where it cannot be told whether it is whole: one folder does not keep a service from starting. */
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
    const { handle, manifest } = await openBlocksFile(this.#folders.path(id), id);
    const onCorrupt = (error: StoreCorruptError) => {
      if (isCurrent()) this.#setAside(id, error);
    };
    return new BlocksReader(fileBytes(handle), { id, manifest, cache: this.#cache, onCorrupt });
  }
}
