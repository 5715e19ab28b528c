import type { Prediction } from '../predictor/executor.js';
import type { PredictionJob, Stage } from '../predictor/protocol.js';
import type { PredictionRecord } from '../record/record.js';
import type { TiledTensor } from '../tensor/tensor.js';
import { untilAborted } from '../until-aborted.js';
import type { Place } from './admission.js';
import { CancelledError } from './errors.js';

/** What happens to a job: its record changes, or a stage of its making begins. */
export type JobEvent = { readonly record: PredictionRecord } | { readonly stage: Stage };

/** A network that was made; its statistics follow. */
export type Made = Pick<Prediction, 'tensors' | 'statistics'>;

/** How a job is done; both report what they learn to the job's record. */
export interface JobSteps {
  /** Makes the network, and heeds the signal. */
  readonly make: (job: Job, signal: AbortSignal) => Promise<Made>;
  /** Stores what was made; may not throw. */
  readonly keep: (job: Job, made: Made) => Promise<void>;
  /** Writes down why nothing was made; may not throw. */
  readonly fail: (job: Job, error: Error) => void;
}

/**
 * A prediction in the making, or made and not yet stored. All who ask for the same one share it; when the last of those
 * who wait has gone, it is cancelled, unless somebody will come back for it.
 */
export class Job {
  readonly work: PredictionJob;
  /** What it takes up. */
  readonly place: Place;
  /** Settles when it is made, which is before it is stored. */
  readonly made: Promise<Made>;
  /** Settles when it is stored, or cannot be. */
  readonly settled: Promise<void>;
  readonly #controller = new AbortController();
  readonly #watchers = new Set<(event: JobEvent) => void>();
  #record: PredictionRecord;
  #tensors: readonly TiledTensor[] | null = null;
  #waiting = 0;
  #detached = false;

  constructor(record: PredictionRecord, work: PredictionJob, place: Place, { make, keep, fail }: JobSteps) {
    this.#record = record;
    this.work = work;
    this.place = place;
    this.made = make(this, this.#controller.signal);
    this.settled = this.made.then(
      async (made) => {
        this.#tensors = made.tensors;
        await keep(this, made);
      },
      (error: Error) => fail(this, error),
    );
  }

  get record(): PredictionRecord {
    return this.#record;
  }

  /** What was made, or null before. */
  get tensors(): readonly TiledTensor[] | null {
    return this.#tensors;
  }

  /** Whether it was given up: it may not have stopped yet. */
  get cancelled(): boolean {
    return this.#controller.signal.aborted;
  }

  update(fields: Partial<PredictionRecord>): void {
    this.#record = { ...this.#record, ...fields };
    this.#tell({ record: this.#record });
  }

  begin(stage: Stage): void {
    this.#tell({ stage });
  }

  /** Calls back whenever something happens, until the function that it returns is called. */
  watch(watcher: (event: JobEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** It goes on whether anybody waits for it or not. */
  detach(): void {
    this.#detached = true;
  }

  /**
   * Waits until it is made.
   *
   * @throws what making it threw; the signal's reason once that is aborted
   */
  async wait(signal: AbortSignal): Promise<void> {
    this.#waiting++;
    try {
      await untilAborted(this.made, signal);
    } finally {
      this.#waiting--;
      if (this.#waiting === 0 && !this.#detached && !this.#tensors) this.cancel();
    }
  }

  cancel(): void {
    this.#controller.abort(new CancelledError('the prediction was cancelled'));
  }

  #tell(event: JobEvent): void {
    for (const watcher of this.#watchers) watcher(event);
  }
}
