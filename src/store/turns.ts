/** Runs tasks with the same key one after the other. */
export class Turns {
  /** For each key, a promise that resolves when the last task ends, whether it succeeds or fails. */
  readonly #last = new Map<string, Promise<void>>();

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const turn = before ? before.then(work) : work();
    const over = () => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    };
    const settled = turn.then(over, over);
    this.#last.set(key, settled);
    return turn;
  }

  /** Resolves when nothing is left to run. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }
}
