import { PredictorUnavailableError } from '../predictor/executor.js';

/** Aborts a computation that takes too long. If no client waits, nothing else would notice that an engine hangs. */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #milliseconds: number;
  readonly #outer: AbortSignal;
  readonly #leave = () => this.#controller.abort(this.#outer.reason);
  #timer: NodeJS.Timeout | undefined;

  /** @param outer a signal that aborts the computation as well */
  constructor(milliseconds: number, outer: AbortSignal) {
    this.#milliseconds = milliseconds;
    this.#outer = outer;
    if (outer.aborted) this.#leave();
    outer.addEventListener('abort', this.#leave, { once: true });
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Call this on progress: the time starts again. */
  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const message = `the engine has made no progress in ${this.#milliseconds} ms; try again`;
      this.#controller.abort(new PredictorUnavailableError(message));
    }, this.#milliseconds);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#leave);
  }
}
