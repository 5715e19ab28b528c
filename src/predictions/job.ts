import type { PredictionJob, StageLatency } from '../predictor/protocol.js';
import type { TiledTensor } from '../tensor/tensor.js';
import type { PredictionRecord } from './record.js';

/** What the predictor makes of a job. */
export interface Made {
  readonly tensors: readonly TiledTensor[];
  readonly latency: StageLatency;
}

/**
 * A prediction in the making, or made and not yet stored. All who ask for the same one share it; when the last of those
 * who wait has gone, it is cancelled.
 */
export class Job {
  record: PredictionRecord;
  readonly work: PredictionJob;
  /** Settles when it is made, which is before it is stored. */
  readonly made: Promise<readonly TiledTensor[]>;
  /** Settles when it is stored, or cannot be. */
  readonly settled: Promise<void>;
  readonly #controller = new AbortController();
  #waiting = 0;

  /**
   * @param make makes it, and heeds the signal
   * @param keep stores what was made
   */
  constructor(
    record: PredictionRecord,
    work: PredictionJob,
    make: (job: Job, signal: AbortSignal) => Promise<readonly TiledTensor[]>,
    keep: (job: Job, tensors: readonly TiledTensor[]) => Promise<void>,
  ) {
    this.record = record;
    this.work = work;
    this.made = make(this, this.#controller.signal);
    this.settled = this.made.then((tensors) => keep(this, tensors)).catch(() => {});
  }

  /**
   * Waits until it is made.
   *
   * @throws what making it threw; the signal's reason once that is aborted
   */
  async wait(signal: AbortSignal): Promise<readonly TiledTensor[]> {
    this.#waiting++;
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      signal.throwIfAborted();
      return await Promise.race([this.made, left]);
    } finally {
      if (leave) signal.removeEventListener('abort', leave);
      this.#waiting--;
      if (this.#waiting === 0) this.cancel();
    }
  }

  /** Whether it was given up: it may not have stopped yet. */
  get cancelled(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Nothing happens where it is made already. */
  cancel(): void {
    this.#controller.abort(new Error('nobody waits for this prediction any more'));
  }
}
