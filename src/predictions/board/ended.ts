import type { PredictionRecord } from '../../record/record.js';
import { MAX_RECORDS_CHARACTERS, recordCharacters } from '../../record/record-size.js';

/** The records of the last failed or cancelled predictions are kept: this many, or fewer if they are large. */
const MAX_RECORDS = 1000;

/** The records of predictions that failed: they have no weights, so no store keeps them. */
export class EndedPredictions {
  readonly #records = new Map<string, PredictionRecord>();
  #characters = 0;

  add(record: PredictionRecord): void {
    this.delete(record.id);
    this.#records.set(record.id, record);
    this.#characters += recordCharacters(record);
    while (this.#records.size > MAX_RECORDS || this.#characters > MAX_RECORDS_CHARACTERS) {
      const [oldest] = this.#records.keys();
      this.delete(oldest);
    }
  }

  get(id: string): PredictionRecord | undefined {
    return this.#records.get(id);
  }

  delete(id: string): boolean {
    const record = this.#records.get(id);
    if (record) this.#characters -= recordCharacters(record);
    return this.#records.delete(id);
  }

  values(): Iterable<PredictionRecord> {
    return this.#records.values();
  }
}
