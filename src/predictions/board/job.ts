import { randomBytes } from 'node:crypto';
import { untilAborted } from '../../async/until-aborted.js';
import type { Stage } from '../../predictor/protocol.js';
import type { PredictionRecord } from '../../record/record.js';
import type { TiledTensor } from '../../tensor/tensor.js';
import { currentTraceparent } from '../../tracing/tracer.js';
import type { Place } from '../admission.js';
import { CancelledError } from '../errors.js';
import type { Plan } from '../plan.js';
import { type JobEvent, LOOKED_MS, type Made, type MadeNetwork, type WorkedJob } from './board.js';

/** Length of a job's random name, which no other job of any process has. */
const NAME_BYTES = 4;

/** The steps of a job. */
export interface JobSteps {
  /** Computes the network until the signal is aborted; null if the store has it. */
  readonly make: (job: Job, signal: AbortSignal) => Promise<Made | null>;
  /** Stores the network; may not throw. */
  readonly keep: (job: Job, made: Made) => Promise<void>;
  /** Records why nothing was computed; may not throw. */
  readonly fail: (job: Job, error: Error) => void;
}

/**
 * A prediction that is being computed, or is computed and not yet stored. All requests for the same one share it.
 * When the last waiting client has gone, it is cancelled, unless a client will come back for it.
 */
export class Job implements WorkedJob {
  readonly plan: Plan;
  /** Its place in the admission, which counts its memory. */
  readonly place: Place;
  /** Settles when the network is made, before it is stored. */
  readonly made: Promise<MadeNetwork | null>;
  /** Settles when the network is stored, or cannot be. */
  readonly settled: Promise<void>;
  readonly origin = { traceparent: currentTraceparent(), since: Date.now() };
  readonly #begun = performance.now();
  readonly #controller = new AbortController();
  readonly #watchers = new Set<(event: JobEvent) => void>();
  /** The events so far; a prediction has only a few. */
  readonly #events: JobEvent[] = [];
  readonly #name = randomBytes(NAME_BYTES).toString('hex');
  #record: PredictionRecord;
  #tensors: readonly TiledTensor[] | null = null;
  #waiting = 0;
  #detached = false;

  constructor(plan: Plan, place: Place, { make, keep, fail }: JobSteps) {
    this.#record = plan.record;
    this.plan = plan;
    this.place = place;
    const making = make(this, this.#controller.signal);
    this.made = making.then((made) => {
      this.#tensors = made?.tensors ?? null;
      if (made) place.made(made.latency);
      return this.network;
    });
    // Waiting clients get the error. If none waits, the record has it.
    this.made.catch(() => {});
    this.settled = making.then(
      async (made) => {
        if (made) await keep(this, made);
      },
      (error: Error) => fail(this, error),
    );
  }

  get record(): PredictionRecord {
    return this.#record;
  }

  get mayBeStored(): boolean {
    return performance.now() - this.#begun > LOOKED_MS;
  }

  /** The network; null until it is made. */
  get network(): MadeNetwork | null {
    const tensors = this.#tensors;
    return tensors && { record: this.#record, tensors, settled: this.settled, hold: () => this.place.hold() };
  }

  /** True once the job was cancelled; it may still be stopping. */
  get cancelled(): boolean {
    return this.#controller.signal.aborted;
  }

  update(fields: Partial<PredictionRecord>): void {
    if (fields.status === 'running') this.place.begin();
    this.#record = { ...this.#record, ...fields };
    this.#tell({ record: this.#record });
  }

  /** Nothing to check: cancelling aborts the signal at once in the same process. */
  async confirm(): Promise<void> {}

  begin(stage: Stage): void {
    this.#tell({ stage });
  }

  /** Calls `watcher` on every event, until the returned function is called. */
  watch(watcher: (event: JobEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The events after the one at the place `after`; null if that is unknown. */
  missed(after: string): readonly JobEvent[] | null {
    const index = this.#events.findIndex(({ at }) => at === after);
    return index < 0 ? null : this.#events.slice(index + 1);
  }

  /** Lets the job go on even if no client waits. */
  detach(): void {
    this.#detached = true;
  }

  /**
   * Waits until the network is made.
   *
   * @throws the error of the computation; the signal's reason once that is aborted
   */
  async wait(signal: AbortSignal): Promise<MadeNetwork | null> {
    this.#waiting++;
    try {
      return await untilAborted(this.made, signal);
    } finally {
      this.#waiting--;
      if (this.#waiting === 0 && !this.#detached && !this.#tensors) this.cancel();
    }
  }

  cancel(): void {
    this.#controller.abort(new CancelledError('the prediction was cancelled'));
  }

  #tell(told: JobEvent): void {
    const event = { ...told, at: `${this.#name}-${this.#events.length}` };
    this.#events.push(event);
    for (const watcher of this.#watchers) watcher(event);
  }
}
