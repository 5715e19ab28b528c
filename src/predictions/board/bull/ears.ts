import type { PredictionRecord } from '../../../record/record.js';
import type { JobEvent, MadeNetwork } from '../board.js';
import type { ChannelEvent, Progress } from './channel.js';

/** Who waits looks for itself this often: every event may be lost. */
const LOOK_MS = 2000;

/** Something that has happened to a job. */
export interface Heard {
  readonly isStored: boolean;
  /** The network, where it was handed over. */
  readonly made?: MadeNetwork | null;
}

/** One who waits for something to happen to a job: what happens while nobody asks is kept until somebody does. */
export class Ear {
  #heard: Heard | null = null;
  #wake: (() => void) | null = null;

  tell(heard: Heard): void {
    // That it is stored is the last there is to hear.
    if (!this.#heard?.isStored || heard.made) this.#heard = heard;
    this.#wake?.();
  }

  /** The next that happens; null when it is time to look for oneself, or the signal is aborted. */
  async next(signal?: AbortSignal, milliseconds = LOOK_MS): Promise<Heard | null> {
    if (!this.#heard && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds).unref();
        signal?.addEventListener('abort', () => resolve(), { once: true });
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    const heard = this.#heard;
    this.#heard = null;
    return heard;
  }
}

/** Those of one service who follow jobs, and those who wait for something to happen to one. */
export class Ears {
  readonly #view: (id: string) => Promise<PredictionRecord | null>;
  readonly #watchers = new Map<string, Set<(event: JobEvent) => void>>();
  readonly #waiting = new Map<string, Set<Ear>>();

  /** @param view looks up what an event does not say */
  constructor(view: (id: string) => Promise<PredictionRecord | null>) {
    this.#view = view;
  }

  /** Calls back whenever something happens, until the function that it returns is called. */
  watch(id: string, watcher: (event: JobEvent) => void): () => void {
    return addTo(this.#watchers, id, watcher);
  }

  /** Runs with an ear for what happens to a job from now on. */
  async listening<T>(id: string, run: (ear: Ear) => Promise<T>): Promise<T> {
    const ear = new Ear();
    const leave = addTo(this.#waiting, id, ear);
    try {
      return await run(ear);
    } finally {
      leave();
    }
  }

  /** Waits until something is so, or the time is over. */
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

  /** It is stored; those who wait need not hear it from the queue. */
  stored(id: string, made: MadeNetwork | null): void {
    this.#wake(id, { isStored: true, made });
  }

  /** Something has happened that no event describes. */
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

/** Adds to the set of that id until the function that it returns is called. */
function addTo<T>(sets: Map<string, Set<T>>, id: string, one: T): () => void {
  const set = sets.get(id) ?? new Set();
  sets.set(id, set.add(one));
  return () => {
    set.delete(one);
    if (set.size === 0 && sets.get(id) === set) sets.delete(id);
  };
}

/** The event that tells how far a job is. */
export const eventOf = ({ record, stage }: Progress, at?: string): JobEvent => ({
  ...(stage ? { stage } : { record }),
  at,
});
