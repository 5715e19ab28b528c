import { setImmediate } from 'node:timers/promises';

/** Values that are worked on before the event loop has a turn: a few milliseconds. */
const TURN = 2 ** 19;

/** Lets the event loop and whoever aborts come in between pieces of a long loop. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  #values = TURN;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /**
   * To be called before so many values are worked on.
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
