import type { Graph } from '../architecture/schema.js';
import type { JsonText } from '../json-text.js';
import type { PredictionRecord } from '../record/record.js';
import type { TensorSource, TiledTensor } from '../tensor/tensor.js';
import type { ListOptions, RecordPage } from './list.js';

/** A head, behind which the blocks of all tensors, without gaps, are the body of a format in F32. */
export interface StoredBody {
  readonly format: string;
  /** Its length is a multiple of that of a float. */
  readonly head: Uint8Array;
}

export interface PredictionToStore {
  readonly record: PredictionRecord;
  readonly architecture: Graph | JsonText;
  /** The Keras model that the architecture was given as, if it was; a JsonText too. */
  readonly kerasModel?: unknown;
  readonly tensors: readonly TiledTensor[];
  /** Computes the body as which a store that others can read from keeps the blocks, if it can. */
  readonly body?: () => Promise<StoredBody | undefined>;
}

/** A body that clients can download without this service. */
export interface LinkedBody {
  readonly format: string;
  /** An address that leads to it for some minutes, under that name, for whoever has it. */
  link(fileName: string): Promise<string>;
}

/** A stored prediction that is being read: it is not evicted before it is released. */
export interface StoredPrediction {
  readonly record: PredictionRecord;
  /**
   * Reading a block rejects with a StoreCorruptError where its bytes are not those that were written; the prediction is
   * gone then, and its remains may be there.
   */
  readonly tensors: readonly TensorSource[];
  /** Checksums of what was written, as `PredictionStore.checksums` computes them. */
  readonly checksums: string;
  readonly body?: LinkedBody;
  /** To be called once, when nothing is read any more. */
  release(): void;
}

/** The inputs of a prediction: enough to make it again. */
export interface PredictionRemains {
  readonly record: PredictionRecord;
  readonly architecture: Graph | JsonText;
  /** A JsonText too. */
  readonly kerasModel?: unknown;
}

/** Tells whose prediction is stored after a save: the first commit stays. */
export type Saved = 'mine' | 'theirs';

export interface SaveOptions {
  /** Gives up a prediction that is not committed yet. */
  readonly signal?: AbortSignal;
}

/** One commit of a prediction: no other has its id and its generation. */
export type Version = Pick<PredictionRecord, 'id' | 'generation'>;

/** A prediction's bytes are not those that were written. The store can only say so, and keep the parts that are whole. */
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

/** The place in STORE cannot be this service's store. The message says why and what to do instead. */
export class StoreRefusedError extends Error {
  override readonly name = 'StoreRefusedError';
}

/** Predictions that a client was promised. They are made even if the service that promised them dies. */
export interface Promises {
  /** Resolves when the promise would outlive a crash. */
  promise(remains: PredictionRemains): Promise<void>;
  /** Takes the promise back: the prediction is stored, or has failed. */
  settle(id: string): Promise<void>;
  all(): AsyncIterable<PredictionRemains>;
}

/**
 * Keeps predictions that are done: the record, the graph and the tensors as blocks. Whatever it shows is whole. What is
 * to become of a prediction that was found corrupt is not a store's concern.
 */
export interface PredictionStore {
  /** Where several services share the store. */
  readonly promises?: Promises;
  /**
   * Resolves when the prediction would outlive a crash: this one, or one of the same id that was committed before. Saving
   * one commit twice changes nothing, and it is 'mine' both times. Rejects with the signal's reason, and nothing is there.
   */
  save(prediction: PredictionToStore, options?: SaveOptions): Promise<Saved>;
  open(id: string): Promise<StoredPrediction | null>;
  record(id: string): Promise<PredictionRecord | null>;
  /** Null where there is no such prediction, or its graph is corrupt and the rest of it is not. */
  architecture(id: string): Promise<Graph | JsonText | null>;
  /** Null where there is no `architecture`, or it was not given as Keras; a large one is a JsonText. */
  kerasModel(id: string): Promise<unknown>;
  /** Remains of a prediction that was found corrupt and not saved again; null where there are none, or too much was corrupt. */
  remains(id: string): Promise<PredictionRemains | null>;
  /** The same for the same blocks, bit by bit, and for hardly any others. */
  checksums(tensors: readonly TiledTensor[]): Promise<string>;
  /** Rejects with a BadCursorError where the cursor is none. */
  list(options: ListOptions): Promise<RecordPage>;
  /**
   * Replaces fields of a record: what is only known later, such as the digest. Whether there was something to replace:
   * nothing is where the commit is not there any more, or `change` wants nothing of the record as it is now.
   */
  amend(
    version: Version,
    change: (record: PredictionRecord) => Partial<PredictionRecord> | null,
  ): Promise<boolean>;
  /**
   * Whether there was one, or remains. What is being read goes on to its end. Rejects with a StoreUnchangedError where
   * it cannot be removed: it is served on.
   */
  delete(id: string): Promise<boolean>;
  /** Bytes that the predictions take up. */
  usage(): Promise<number>;
  /** Rejects with a StoreRefusedError where the store cannot keep these promises, with another error where it is out of reach. */
  probe(): Promise<void>;
  /** Waits for what is being written. */
  close(): Promise<void>;
}
