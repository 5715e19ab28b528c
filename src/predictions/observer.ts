import type { PredictionRecord } from '../record/record.js';
import type { Saved } from '../store/store.js';

/** Receives the events of predictions, for logs and metrics. */
export interface PredictionObserver {
  made(record: PredictionRecord): void;
  failed(record: PredictionRecord, error: Error): void;
  /** A request was answered from the store, or joined another request's computation. */
  shared(record: PredictionRecord, how: 'stored' | 'joined'): void;
  /** A stored prediction was found corrupt and is being made again. */
  remade(record: PredictionRecord): void;
  /** A prediction was made and answered, but could not be stored, or its digest could not be computed. */
  storeFailed(id: string, error: Error): void;
  /** A prediction was stored, by this service or earlier by another one. */
  committed(whose: Saved): void;
  /** The worker that computed a prediction has died, and this worker continues. */
  takenOver(record: PredictionRecord): void;
}

/** Combines several observers into one. */
export function observers(all: readonly PredictionObserver[]): PredictionObserver {
  return {
    made: (record) => {
      for (const observer of all) observer.made(record);
    },
    failed: (record, error) => {
      for (const observer of all) observer.failed(record, error);
    },
    shared: (record, how) => {
      for (const observer of all) observer.shared(record, how);
    },
    remade: (record) => {
      for (const observer of all) observer.remade(record);
    },
    storeFailed: (id, error) => {
      for (const observer of all) observer.storeFailed(id, error);
    },
    committed: (whose) => {
      for (const observer of all) observer.committed(whose);
    },
    takenOver: (record) => {
      for (const observer of all) observer.takenOver(record);
    },
  };
}
