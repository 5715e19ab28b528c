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

/** No two jobs have the same, whatever process they are in. */
const NAME_BYTES = 4;

/** How a job is done. */
export interface JobSteps {
  /** Makes the network, and heeds the signal; null where the store has it. */
  readonly make: (job: Job, signal: AbortSignal) => Promise<Made | null>;
  /** Stores what was made; may not throw. */
  readonly keep: (job: Job, made: Made) => Promise<void>;
  /** Writes down why nothing was made; may not throw. */
  readonly fail: (job: Job, error: Error) => void;
}

/**
 * A prediction that is being made, or is made and not yet stored. All who ask for the same one share it; when the last of those
 * who wait has gone, it is cancelled, unless somebody will come back for it.
 */
export class Job implements WorkedJob {
  readonly plan: Plan;
  /** Memory that it takes up. */
  readonly place: Place;
  /** Settles when it is made, which is before it is stored. */
  readonly made: Promise<MadeNetwork | null>;
  /** Settles when it is stored, or cannot be. */
  readonly settled: Promise<void>;
  readonly origin = { traceparent: currentTraceparent(), since: Date.now() };
  readonly #begun = performance.now();
  readonly #controller = new AbortController();
  readonly #watchers = new Set<(event: JobEvent) => void>();
  /** A prediction has a handful of them. */
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

  /** What was made, or null before. */
  get network(): MadeNetwork | null {
    const tensors = this.#tensors;
    return tensors && { record: this.#record, tensors, settled: this.settled, hold: () => this.place.hold() };
  }

  /** Whether it was given up: it may not have stopped yet. */
  get cancelled(): boolean {
    return this.#controller.signal.aborted;
  }

  update(fields: Partial<PredictionRecord>): void {
    if (fields.status === 'running') this.place.begin();
    this.#record = { ...this.#record, ...fields };
    this.#tell({ record: this.#record });
  }

  /** Whoever gives it up has aborted its signal already. */
  async confirm(): Promise<void> {}

  begin(stage: Stage): void {
    this.#tell({ stage });
  }

  /** Calls back whenever something happens, until the function that it returns is called. */
  watch(watcher: (event: JobEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The events behind the one at that place; null where none was there. */
  missed(after: string): readonly JobEvent[] | null {
    const index = this.#events.findIndex(({ at }) => at === after);
    return index < 0 ? null : this.#events.slice(index + 1);
  }

  /** It goes on even if no client waits. */
  detach(): void {
    this.#detached = true;
  }

  /**
   * Waits until it is made.
   *
   * @throws what making it threw; the signal's reason once that is aborted
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
