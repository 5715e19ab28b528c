interface Waiting {
  readonly start: () => void;
}

/** Runs tasks one at a time, in the order in which they came. */
export class Queue {
  readonly #waiting: Waiting[] = [];
  #running = false;

  /** How many wait. */
  get depth(): number {
    return this.#waiting.length;
  }

  /** Whether a task runs now. */
  get busy(): boolean {
    return this.#running;
  }

  /**
   * @param signal takes a waiting task out of the queue; a running one has to heed it by itself
   * @throws the signal's reason when it is aborted before the start
   */
  async run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#running) await this.#turn(signal);
    this.#running = true;
    try {
      return await task();
    } finally {
      this.#running = false;
      this.#waiting.shift()?.start();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        start: () => {
          // Held for the task that starts: another must not slip in before its continuation runs.
          this.#running = true;
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
    });
  }
}
