import type { PredictionRecord } from '../record/record.js';
import type { PredictionStore, Version } from '../store/store.js';
import type { JobBoard } from './board/board.js';
import { Digests } from './digests.js';
import type { PredictionObserver } from './observer.js';
import type { Recovery } from './recovery.js';
import { weightsSource } from './weights.js';

export interface StoredRecordsOptions {
  readonly store: PredictionStore;
  readonly board: JobBoard;
  readonly recovery: Recovery;
  /** Returns true if no client waits for anything except digests. */
  readonly isIdle: () => boolean;
  readonly observer: PredictionObserver;
}

/**
 * Records of stored predictions, and what is added to them later: the digest of the body, and how long the first
 * answer took to write.
 */
export class StoredRecords {
  readonly #options: StoredRecordsOptions;
  readonly #digests: Digests;
  /** Changes of records that are under way. */
  readonly #notes = new Set<Promise<void>>();

  constructor(options: StoredRecordsOptions) {
    this.#options = options;
    const { store, recovery, isIdle, observer } = options;
    this.#digests = new Digests({
      isIdle,
      open: async (id) => {
        const stored = await recovery.open(id);
        if (!stored) return null;
        const { record, tensors, release } = stored;
        return { source: weightsSource(record, tensors, record.request), version: record, release };
      },
      done: async (version, digest) => void (await store.amend(version, () => ({ digest }))),
      onError: (error, id) => observer.storeFailed(id, error),
    });
  }

  /** Schedules the digest of a prediction that was just stored. */
  added(id: string): void {
    this.#digests.add(id);
  }

  /** The record with the body's digest, which is computed now if it is missing; null if there is no such record. */
  async get(id: string): Promise<PredictionRecord | null> {
    let stored = await this.#find(id);
    // Tries once more if the prediction turns out corrupt while it is read, and is made again.
    for (let time = 0; stored?.digest === null && time < 2; time++) {
      await this.#digests.now(id);
      stored = await this.#find(id);
    }
    return stored;
  }

  /** Adds to the record how long the first answer took to write, once the record is stored. */
  noteSerialized(version: Version, milliseconds: number): void {
    const noted = this.#noteSerialized(version, milliseconds)
      .catch((error: Error) => this.#options.observer.storeFailed(version.id, error))
      .finally(() => this.#notes.delete(noted));
    this.#notes.add(noted);
  }

  /** Waits for changes under way. Digests that have not begun are dropped. */
  async settle(): Promise<void> {
    await Promise.all(this.#notes);
    await this.#digests.close();
  }

  async #noteSerialized(version: Version, milliseconds: number): Promise<void> {
    await this.#options.board.settled(version.id);
    await this.#options.store.amend(version, ({ latency_ms: before }) => {
      // If several clients waited together, only the first answer's time is noted.
      if (!before || before.serialize > 0) return null;
      const total = before.total + milliseconds;
      return { latency_ms: { ...before, serialize: milliseconds, total } };
    });
  }

  async #find(id: string): Promise<PredictionRecord | null> {
    const { store, board } = this.#options;
    const stored = await store.record(id);
    if (stored || (await board.view(id))?.status !== 'succeeded') return stored;
    // It is computed, and about to be stored.
    await board.settled(id);
    return store.record(id);
  }
}
