import type { Graph } from '../architecture/schema.js';
import type { JsonText } from '../json-text.js';
import type { PredictionRecord } from '../record/record.js';
import type { TensorSource, TiledTensor } from '../tensor/tensor.js';
import type { ListOptions, RecordPage } from './list.js';

/** Bytes that, followed by the blocks of all tensors without gaps, are the body of a format in F32. */
export interface StoredBody {
  readonly format: string;
  /** Its length is a multiple of the size of a float. */
  readonly head: Uint8Array;
}

export interface PredictionToStore {
  readonly record: PredictionRecord;
  readonly architecture: Graph | JsonText;
  /** The Keras model, if the client sent one; it may be a JsonText. */
  readonly kerasModel?: unknown;
  readonly tensors: readonly TiledTensor[];
  /** Computes the body in which a store that clients can read directly keeps the blocks, if possible. */
  readonly body?: () => Promise<StoredBody | undefined>;
}

/** A body that clients can download without this service. */
export interface LinkedBody {
  readonly format: string;
  /** An address from which anyone can download it for some minutes, as a file of that name. */
  link(fileName: string): Promise<string>;
}

/** A stored prediction that is being read. It is not evicted before it is released. */
export interface StoredPrediction {
  readonly record: PredictionRecord;
  /**
   * Reading a block rejects with a StoreCorruptError if its bytes are not those that were written. The prediction is
   * removed then, and its remains may be available.
   */
  readonly tensors: readonly TensorSource[];
  /** Checksums of the blocks as written, in the form of `PredictionStore.checksums`. */
  readonly checksums: string;
  readonly body?: LinkedBody;
  /** Call this once, when nothing is read any more. */
  release(): void;
}

/** The inputs of a prediction: enough to make it again. */
export interface PredictionRemains {
  readonly record: PredictionRecord;
  readonly architecture: Graph | JsonText;
  /** It may be a JsonText. */
  readonly kerasModel?: unknown;
}

/**
 * Says whose prediction is stored after a save: the caller's (`mine`), or an earlier one with the same id (`theirs`).
 * The first commit stays.
 */
export type Saved = 'mine' | 'theirs';

export interface SaveOptions {
  /** Aborts the save if the prediction is not committed yet. */
  readonly signal?: AbortSignal;
}

/** Identifies one commit of a prediction: no other commit has the same id and generation. */
export type Version = Pick<PredictionRecord, 'id' | 'generation'>;

/** A prediction's bytes are not those that were written. The store cannot repair them; it keeps the undamaged parts. */
export class StoreCorruptError extends Error {
  override readonly name = 'StoreCorruptError';
}

/**
 * A stored document was written by another version, or is not a prediction's. It is left as it is and not served,
 * since another version may read it.
 */
export class NotUnderstoodError extends Error {
  override readonly name = 'NotUnderstoodError';
}

/** The system is short of something that the store needs, such as file descriptors. The same call may succeed later. */
export class StoreBusyError extends Error {
  override readonly name = 'StoreBusyError';
}

/** The service is stopping, and no longer waits for a store that does not answer. Another service may go on with it. */
export class StoreLeftError extends StoreBusyError {
  constructor(options?: ErrorOptions) {
    super('the store does not answer, and the service is shutting down: try again', options);
  }
}

/** A change of the store failed, and nothing was changed. The message says why, without the store's paths. */
export class StoreUnchangedError extends Error {
  override readonly name = 'StoreUnchangedError';
}

/** The place that STORE names cannot be this service's store. The message says why and what to do instead. */
export class StoreRefusedError extends Error {
  override readonly name = 'StoreRefusedError';
}

/** Predictions that a client was promised. They are computed even if the service that promised them dies. */
export interface Promises {
  /** Resolves once the promise would survive a crash. */
  promise(remains: PredictionRemains): Promise<void>;
  /** Removes the promise, because the prediction is stored or has failed. */
  settle(id: string): Promise<void>;
  /** The promise of a prediction; null if there is none. */
  find(id: string): Promise<PredictionRemains | null>;
  all(): AsyncIterable<PredictionRemains>;
}

/**
 * Keeps finished predictions: the record, the graph, and the tensors as blocks. It shows only complete predictions.
 * Corrupt ones are made again elsewhere, in `Recovery`.
 */
export interface PredictionStore {
  /** Present if several services share the store. */
  readonly promises?: Promises;
  /**
   * Resolves once the prediction, or one of the same id that was committed earlier, would survive a crash. Saving the
   * same commit again changes nothing, and returns 'mine' again. If the signal is aborted, it rejects with the
   * signal's reason and nothing is stored.
   */
  save(prediction: PredictionToStore, options?: SaveOptions): Promise<Saved>;
  open(id: string): Promise<StoredPrediction | null>;
  record(id: string): Promise<PredictionRecord | null>;
  /** Null if there is no such prediction, or if only its graph is corrupt. */
  architecture(id: string): Promise<Graph | JsonText | null>;
  /** Null if there is no `architecture`, or if it was not given as a Keras model. A large one is a JsonText. */
  kerasModel(id: string): Promise<unknown>;
  /**
   * The remains of a prediction that was found corrupt and not saved again; null if there are none, or if too much
   * was corrupt.
   */
  remains(id: string): Promise<PredictionRemains | null>;
  /** Equal for equal blocks, bit by bit, and almost certainly different for others. */
  checksums(tensors: readonly TiledTensor[]): Promise<string>;
  /** Rejects with a BadCursorError if the cursor is invalid. */
  list(options: ListOptions): Promise<RecordPage>;
  /**
   * Replaces fields of a record that are known only later, such as the digest. Returns false if the commit is no
   * longer stored, or if `change` returns null for the current record.
   */
  amend(
    version: Version,
    change: (record: PredictionRecord) => Partial<PredictionRecord> | null,
  ): Promise<boolean>;
  /**
   * Deletes a prediction and its remains, and returns true if there were any. Clients that are reading it continue to
   * the end. Rejects with a StoreUnchangedError if it cannot be removed; then it is still served.
   */
  delete(id: string): Promise<boolean>;
  /** Bytes that the predictions take up. */
  usage(): Promise<number>;
  /**
   * Rejects with a StoreRefusedError if the store cannot do what this interface promises, and with another error if
   * it cannot be reached.
   */
  probe(): Promise<void>;
  /** The service is stopping. From now on it waits no longer for a store that does not answer. */
  leave?(): void;
  /** Waits for saves under way. */
  close(): Promise<void>;
}
