import type { PredictionRecord } from '../record/record.js';
import type { Saved } from '../store/store.js';

/** Is told what happens, for logs and metrics. */
export interface PredictionObserver {
  made(record: PredictionRecord): void;
  failed(record: PredictionRecord, error: Error): void;
  /** It was answered from the store, or shares another request's computation. */
  shared(record: PredictionRecord, how: 'stored' | 'joined'): void;
  /** A stored one was found corrupt and is being made again. */
  remade(record: PredictionRecord): void;
  /** Made and answered, but it could not be stored, or its digest not be computed. */
  storeFailed(id: string, error: Error): void;
  /** It was stored, by this service or by another that came before. */
  committed(whose: Saved): void;
  /** The worker that made it has died, and this one goes on. */
  takenOver(record: PredictionRecord): void;
}

/** Several observers as one. */
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
