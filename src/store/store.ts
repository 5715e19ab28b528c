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
  /** Reading a block rejects with a StoreCorruptError where its bytes are not those that were written. */
  readonly tensors: readonly TensorSource[];
  /** To be called once, when nothing is read any more. */
  release(): void;
}

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

/** What a store can do about a prediction's bytes that are not those that were written: nothing but say so. */
export class StoreCorruptError extends Error {
  override readonly name = 'StoreCorruptError';
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
  architecture(id: string): Promise<Graph | null>;
  /** Null where there is no such prediction, or its architecture was not given as Keras. */
  kerasModel(id: string): Promise<unknown>;
  /** Rejects with a BadCursorError where the cursor is none. */
  list(options: ListOptions): Promise<RecordPage>;
  /** Replaces fields of a record: what is only known later, such as the digest. Nothing where there is no such record. */
  amend(id: string, fields: Partial<PredictionRecord>): Promise<void>;
  /** Whether there was one. What is being read goes on to its end. */
  delete(id: string): Promise<boolean>;
  /** Bytes that the predictions take up. */
  readonly bytes: number;
  close(): Promise<void>;
}
