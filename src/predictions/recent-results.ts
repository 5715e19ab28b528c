import { untilAborted } from '../async/until-aborted.js';

interface Entry<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  isSettled: boolean;
  waiting: number;
  size: number;
}

/**
 * Caches the last few results that take long to compute, by id. Concurrent requests for a result share one
 * computation, which is cancelled when no request waits for it any more.
 */
export class RecentResults<T> {
  readonly #limit: number;
  readonly #sizeOf: (result: T) => number;
  readonly #results = new Map<string, Entry<T>>();

  /** @param limit the most that the sizes of all kept results may add up to */
  constructor(limit: number, sizeOf: (result: T) => number = () => 1) {
    this.#limit = limit;
    this.#sizeOf = sizeOf;
  }

  /**
   * Returns the kept result, or computes it. A failure is not kept.
   *
   * @param compute gets a signal that is aborted once all requests that waited have gone
   * @param signal the client's signal
   * @throws what `compute` throws; the signal's reason
   */
  async get(id: string, compute: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const entry = this.#results.get(id) ?? this.#start(id, compute);
    this.#results.delete(id);
    this.#results.set(id, entry);
    this.#makeRoom();
    entry.waiting++;
    try {
      return await untilAborted(entry.result, signal);
    } finally {
      entry.waiting--;
      if (entry.waiting === 0 && !entry.isSettled) {
        this.#forget(id, entry);
        entry.controller.abort(signal.reason);
      }
    }
  }

  #start(id: string, compute: (signal: AbortSignal) => Promise<T>): Entry<T> {
    const controller = new AbortController();
    const result = compute(controller.signal);
    const entry: Entry<T> = { result, controller, isSettled: false, waiting: 0, size: 1 };
    result.then(
      (made) => {
        entry.isSettled = true;
        entry.size = this.#sizeOf(made);
        this.#makeRoom();
      },
      () => {
        entry.isSettled = true;
        this.#forget(id, entry);
      },
    );
    return entry;
  }

  /** The least recently requested results are dropped first. */
  #makeRoom(): void {
    let size = 0;
    for (const [id, entry] of [...this.#results].reverse()) {
      size += entry.size;
      if (size > this.#limit) this.#results.delete(id);
    }
  }

  #forget(id: string, entry: Entry<T>): void {
    if (this.#results.get(id) === entry) this.#results.delete(id);
  }
}
