import { isId } from '../prediction-id.js';
import { NotUnderstoodError, StoreCorruptError } from '../store.js';
import type { ObjectBucket } from './bucket.js';
import { type Commit, type ReadCommit, readCommit } from './documents.js';
import { type Attempt, recordKey } from './keys.js';

export interface Found extends ReadCommit {
  readonly etag: string;
}

export interface CommitsOptions {
  /** Whether the attempt was found corrupt: it is about to go. */
  readonly isCorrupt: (attempt: Attempt) => boolean;
  readonly onProblem: (problem: Error) => void;
}

/** The commits of a bucket: what is there of each prediction. */
export class Commits {
  readonly #bucket: ObjectBucket;
  readonly #options: CommitsOptions;
  /** Told of already, by their etags. */
  readonly #notUnderstood = new Set<string>();

  constructor(bucket: ObjectBucket, options: CommitsOptions) {
    this.#bucket = bucket;
    this.#options = options;
  }

  /** What is committed; null where nothing is, or what this version does not understand, or what was found corrupt. */
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
      // Which attempt it named is not to be known any more.
      await this.#bucket.remove(recordKey(id), { etag });
      return null;
    }
  }
}

export const attemptOf = ({ record, attempt, bytes }: Commit): Attempt => ({ id: record.id, attempt, bytes });

/** A name that no other attempt has. */
export const nameOf = ({ id, attempt }: Pick<Attempt, 'id' | 'attempt'>) => `${id}/${attempt}`;
