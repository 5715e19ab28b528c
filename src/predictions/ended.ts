import type { PredictionRecord } from './record.js';

/** Predictions that failed or were cancelled are told of for a while: this many of the last. */
const MAX_RECORDS = 1000;

/** The records of predictions that came to nothing: they have no weights, so no store keeps them. */
export class EndedPredictions {
  readonly #records = new Map<string, PredictionRecord>();

  add(record: PredictionRecord): void {
    this.#records.delete(record.id);
    this.#records.set(record.id, record);
    if (this.#records.size > MAX_RECORDS) {
      const [oldest] = this.#records.keys();
      this.#records.delete(oldest);
    }
  }

  get(id: string): PredictionRecord | undefined {
    return this.#records.get(id);
  }

  delete(id: string): boolean {
    return this.#records.delete(id);
  }

  values(): Iterable<PredictionRecord> {
    return this.#records.values();
  }
}
