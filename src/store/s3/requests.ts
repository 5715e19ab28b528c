import { StoreBusyError, StoreLeftError } from '../store.js';

/** The requests to a bucket that are under way. Each can be aborted by its caller, and all of them together. */
export class Requests {
  readonly #explain: (error: unknown) => unknown;
  readonly #underWay = new Set<AbortController>();
  #isLeft = false;

  /** @param explain returns the error to throw for an error of the SDK */
  constructor(explain: (error: unknown) => unknown) {
    this.#explain = explain;
  }

  /** @throws the signal's reason; StoreLeftError after `leave`; otherwise the explained error */
  async run<T>(send: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    // The SDK leaves listeners behind on the signals that it is given.
    const controller = new AbortController();
    const giveUp = () => controller.abort(signal!.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#underWay.add(controller);
    try {
      if (this.#isLeft) throw new StoreLeftError();
      return await send(controller.signal);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (this.#isLeft) throw new StoreLeftError({ cause: error });
      throw error instanceof StoreBusyError ? error : this.#explain(error);
    } finally {
      this.#underWay.delete(controller);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Aborts all requests under way, and refuses new ones. */
  leave(): void {
    this.#isLeft = true;
    for (const controller of this.#underWay) controller.abort();
  }
}
