import { deferred } from '../../../async/deferred.js';
import type { PredictionRecord } from '../../../record/record.js';
import type { JobEvent, MadeNetwork } from '../board.js';
import type { ChannelEvent, Progress } from './channel.js';

/** Time between two checks of the state by a waiting client, since any event may be lost. */
const LOOK_MS = 2000;

/** An event of a job. */
export interface Heard {
  readonly isStored: boolean;
  /** The network, if it was handed over. */
  readonly made?: MadeNetwork | null;
}

/** Waits for events of one job. An event that arrives while `next` is not called is kept for the next call. */
export class Ear {
  #heard: Heard | null = null;
  #wake: (() => void) | null = null;

  tell(heard: Heard): void {
    // No event follows the one that says the prediction is stored.
    if (!this.#heard?.isStored || heard.made) this.#heard = heard;
    this.#wake?.();
  }

  /** The next event; null if it is time to check the state, or if the signal is aborted. */
  async next(signal?: AbortSignal, milliseconds = LOOK_MS): Promise<Heard | null> {
    if (!this.#heard && !signal?.aborted) {
      const woken = deferred<void>();
      this.#wake = woken.resolve;
      const timer = setTimeout(this.#wake, milliseconds).unref();
      signal?.addEventListener('abort', this.#wake, { once: true });
      await woken.promise;
      clearTimeout(timer);
      signal?.removeEventListener('abort', this.#wake);
      this.#wake = null;
    }
    const heard = this.#heard;
    this.#heard = null;
    return heard;
  }
}

/** The watchers of one service, which follow jobs, and its ears, which wait for the next event of a job. */
export class Ears {
  readonly #view: (id: string) => Promise<PredictionRecord | null>;
  readonly #watchers = new Map<string, Set<(event: JobEvent) => void>>();
  readonly #waiting = new Map<string, Set<Ear>>();

  /** @param view looks up the record of a job, for events that do not have it */
  constructor(view: (id: string) => Promise<PredictionRecord | null>) {
    this.#view = view;
  }

  /** Calls `watcher` on every event of a job, until the returned function is called. */
  watch(id: string, watcher: (event: JobEvent) => void): () => void {
    return addTo(this.#watchers, id, watcher);
  }

  /** Calls `run` with an ear that receives the events of a job from now on. */
  async listening<T>(id: string, run: (ear: Ear) => Promise<T>): Promise<T> {
    const ear = new Ear();
    const leave = addTo(this.#waiting, id, ear);
    try {
      return await run(ear);
    } finally {
      leave();
    }
  }

  /** Waits until `isSo` resolves to true, or the time is over. */
  async until(
    id: string,
    isSo: () => Promise<boolean>,
    milliseconds = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const end = performance.now() + milliseconds;
    await this.listening(id, async (ear) => {
      while (!(await isSo()) && performance.now() < end) await ear.next(undefined, LOOK_MS / 4);
    });
  }

  hear({ id, progress, isStored, at }: ChannelEvent): void {
    if (!progress) {
      void this.changed(id, { isStored });
      return;
    }
    this.#tell(id, eventOf(progress, at));
  }

  /** Tells waiting clients that the prediction is stored, before the queue's event arrives. */
  stored(id: string, made: MadeNetwork | null): void {
    this.#wake(id, { isStored: true, made });
  }

  /** Reports a change that no event describes. */
  async changed(id: string, heard: Heard = { isStored: false }): Promise<void> {
    this.#wake(id, heard);
    if (!this.#watchers.has(id)) return;
    const record = await this.#view(id).catch(() => null);
    if (record) this.#tell(id, { record });
  }

  #wake(id: string, heard: Heard): void {
    for (const ear of this.#waiting.get(id) ?? []) ear.tell(heard);
  }

  #tell(id: string, event: JobEvent): void {
    for (const watcher of this.#watchers.get(id) ?? []) watcher(event);
  }
}

/** Adds an item to the set of an id, until the returned function is called. */
function addTo<T>(sets: Map<string, Set<T>>, id: string, one: T): () => void {
  const set = sets.get(id) ?? new Set();
  sets.set(id, set.add(one));
  return () => {
    set.delete(one);
    if (set.size === 0 && sets.get(id) === set) sets.delete(id);
  };
}

/** The event for a job's progress. */
export const eventOf = ({ record, stage }: Progress, at?: string): JobEvent => ({
  ...(stage ? { stage } : { record }),
  at,
});
