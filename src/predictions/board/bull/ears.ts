import { setTimeout } from 'node:timers/promises';
import type { PredictionRecord } from '../../../record/record.js';
import type { JobEvent } from '../board.js';
import type { ChannelEvent, Progress } from './channel.js';

/** Who waits looks for itself this often: every event may be lost. */
const LOOK_MS = 2000;

/** Those of one service who follow jobs, and those who wait for something to happen to one. */
export class Ears {
  readonly #view: (id: string) => Promise<PredictionRecord | null>;
  readonly #watchers = new Map<string, Set<(event: JobEvent) => void>>();
  readonly #waiting = new Map<string, Set<(isStored: boolean) => void>>();

  /** @param view looks up what an event does not say */
  constructor(view: (id: string) => Promise<PredictionRecord | null>) {
    this.#view = view;
  }

  /** Calls back whenever something happens, until the function that it returns is called. */
  watch(id: string, watcher: (event: JobEvent) => void): () => void {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
    };
  }

  /**
   * Waits for the next change of a job, or for the time to look for oneself. Whether what was heard is that it is stored.
   */
  async next(id: string, signal?: AbortSignal, milliseconds = LOOK_MS): Promise<boolean> {
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting);
    const end = new AbortController();
    let heard = false;
    const stop = (isStored: boolean) => {
      heard = isStored;
      end.abort();
    };
    const leave = () => stop(false);
    waiting.add(stop);
    signal?.addEventListener('abort', leave, { once: true });
    await setTimeout(milliseconds, undefined, { signal: end.signal, ref: false }).catch(() => {});
    signal?.removeEventListener('abort', leave);
    waiting.delete(stop);
    if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    return heard;
  }

  /** Waits until something is so, or the time is over. */
  async until(
    id: string,
    isSo: () => Promise<boolean>,
    milliseconds = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const end = performance.now() + milliseconds;
    while (!(await isSo()) && performance.now() < end) await this.next(id, undefined, LOOK_MS / 4);
  }

  hear({ id, progress, isStored, at }: ChannelEvent): void {
    if (!progress) {
      void this.changed(id, isStored);
      return;
    }
    this.#tell(id, eventOf(progress, at));
  }

  /** Something has happened that no event describes. */
  async changed(id: string, isStored = false): Promise<void> {
    for (const stop of this.#waiting.get(id) ?? []) stop(isStored);
    if (!this.#watchers.has(id)) return;
    const record = await this.#view(id).catch(() => null);
    if (record) this.#tell(id, { record });
  }

  #tell(id: string, event: JobEvent): void {
    for (const watcher of this.#watchers.get(id) ?? []) watcher(event);
  }
}

/** The event that tells how far a job is. */
export const eventOf = ({ record, stage }: Progress, at?: string): JobEvent => ({
  ...(stage ? { stage } : { record }),
  at,
});
