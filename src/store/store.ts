import type { Graph } from '../architecture/schema.js';
import type { PredictionRecord, Status } from '../predictions/record.js';
import type { TensorSource, TiledTensor } from '../tensor/tensor.js';

export interface PredictionToStore {
  readonly record: PredictionRecord;
  readonly architecture: Graph;
  /** The Keras model that the architecture was given as, if it was. */
  readonly kerasModel?: unknown;
  readonly tensors: readonly TiledTensor[];
}

/** A stored prediction that is being read: it is not evicted before it is released. */
export interface StoredPrediction {
  readonly record: PredictionRecord;
  /**
   * Reading a block rejects with a StoreCorruptError where its bytes are not those that were written; the prediction is
   * gone then, and its remains may be there.
   */
  readonly tensors: readonly TensorSource[];
  /** Of what was written, as `PredictionStore.checksums` computes them. */
  readonly checksums: string;
  /** To be called once, when nothing is read any more. */
  release(): void;
}

/** What a prediction was made of: enough to make it again. */
export type PredictionRemains = Pick<PredictionToStore, 'record' | 'architecture' | 'kerasModel'>;

export interface ListOptions {
  readonly limit: number;
  /** The `nextCursor` of the page before. */
  readonly cursor?: string;
  /** By the architecture's name, the GHN's id and the status. */
  readonly architecture?: string;
  readonly ghn?: string;
  readonly status?: Status;
}

export interface RecordPage {
  /** Newest first. */
  readonly records: readonly PredictionRecord[];
  readonly nextCursor: string | null;
}

/** A prediction's bytes are not those that were written: a store can do nothing but say so, and keep what is whole. */
export class StoreCorruptError extends Error {
  override readonly name = 'StoreCorruptError';
}

/**
 * What is stored was not written by this version, or is no prediction: it is left where it is, and not served. Another
 * version may read it.
 */
export class NotUnderstoodError extends Error {
  override readonly name = 'NotUnderstoodError';
}

/** The system is short of something that the store needs, such as file descriptors: the same may succeed a little later. */
export class StoreBusyError extends Error {
  override readonly name = 'StoreBusyError';
}

/** The store cannot be changed as was asked, and is what it was. The message says why, without the store's paths. */
export class StoreUnchangedError extends Error {
  override readonly name = 'StoreUnchangedError';
}

/** A `cursor` that no page has given. */
export class BadCursorError extends Error {
  override readonly name = 'BadCursorError';
}

/**
 * Keeps predictions that are done: the record, the graph and the tensors as blocks. Whatever it shows is whole. An
 * S3-compatible bucket will stand behind the same interface.
 */
export interface PredictionStore {
  /** Resolves when the prediction would outlive a crash. Saving what is there already changes nothing. */
  save(prediction: PredictionToStore): Promise<void>;
  open(id: string): Promise<StoredPrediction | null>;
  record(id: string): Promise<PredictionRecord | null>;
  /** Null where there is no such prediction, or its graph is corrupt and the rest of it is not. */
  architecture(id: string): Promise<Graph | null>;
  /** Null where there is no `architecture`, or it was not given as Keras. */
  kerasModel(id: string): Promise<unknown>;
  /** Of one that was found corrupt and was not saved again: null where there is none, or too much of it was corrupt. */
  remains(id: string): Promise<PredictionRemains | null>;
  /** The same for the same blocks, bit by bit, and for hardly any others. */
  checksums(tensors: readonly TiledTensor[]): Promise<string>;
  /** Rejects with a BadCursorError where the cursor is none. */
  list(options: ListOptions): Promise<RecordPage>;
  /** Replaces fields of a record: what is only known later, such as the digest. Nothing where there is no such record. */
  amend(id: string, fields: Partial<PredictionRecord>): Promise<void>;
  /**
   * Whether there was one, or remains. What is being read goes on to its end. Rejects with a StoreUnchangedError where
   * the disk does not have it removed: it is served on.
   */
  delete(id: string): Promise<boolean>;
  /** Bytes that the predictions take up. */
  readonly bytes: number;
  close(): Promise<void>;
}
