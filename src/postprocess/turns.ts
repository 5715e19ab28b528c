import { setImmediate } from 'node:timers/promises';

/** Number of values that are processed before the event loop gets a turn: a few milliseconds. */
const TURN = 2 ** 19;

/** Gives the event loop turns between the pieces of a long loop, and checks the signal. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  #values = TURN;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /**
   * Must be called before the given number of values is processed.
   *
   * @throws the signal's reason once it is aborted
   */
  take(values: number): Promise<void> | undefined {
    this.#values += values;
    return this.#values > TURN ? this.#turn() : undefined;
  }

  async #turn(): Promise<void> {
    this.#values = 0;
    await setImmediate();
    this.#signal?.throwIfAborted();
  }
}
