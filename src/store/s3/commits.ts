import { isId } from '../prediction-id.js';
import { NotUnderstoodError, StoreCorruptError } from '../store.js';
import type { ObjectBucket } from './bucket.js';
import { type Commit, type ReadCommit, readCommit } from './documents.js';
import { type Attempt, recordKey } from './keys.js';

export interface Found extends ReadCommit {
  readonly etag: string;
}

export interface CommitsOptions {
  /** Returns true if the attempt was found corrupt and is about to be removed. */
  readonly isCorrupt: (attempt: Attempt) => boolean;
  readonly onProblem: (problem: Error) => void;
}

/** Reads the commits of a bucket. */
export class Commits {
  readonly #bucket: ObjectBucket;
  readonly #options: CommitsOptions;
  /** Etags of the commits that were reported as not understood. */
  readonly #notUnderstood = new Set<string>();

  constructor(bucket: ObjectBucket, options: CommitsOptions) {
    this.#bucket = bucket;
    this.#options = options;
  }

  /**
   * Finds the commit of a prediction. Null if there is none, if this version does not understand it, or if it was
   * found corrupt.
   */
  async find(id: string): Promise<Found | null> {
    if (!isId(id)) return null;
    const object = await this.#bucket.get(recordKey(id));
    if (!object) return null;
    const { bytes, etag } = object;
    try {
      const read = readCommit(bytes, id);
      return this.#options.isCorrupt(attemptOf(read.commit)) ? null : { ...read, etag };
    } catch (error) {
      if (error instanceof NotUnderstoodError) {
        if (!this.#notUnderstood.has(etag)) this.#options.onProblem(error);
        this.#notUnderstood.add(etag);
        return null;
      }
      if (!(error instanceof StoreCorruptError)) throw error;
      this.#options.onProblem(error);
      // The attempt that the commit named cannot be found out any more, so only the commit is removed.
      await this.#bucket.remove(recordKey(id), { etag });
      return null;
    }
  }
}

export const attemptOf = ({ record, attempt, bytes }: Commit): Attempt => ({ id: record.id, attempt, bytes });

/** A unique name for an attempt. */
export const nameOf = ({ id, attempt }: Pick<Attempt, 'id' | 'attempt'>) => `${id}/${attempt}`;
