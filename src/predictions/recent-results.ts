/** Results that take long to compute, by id: the last few are kept, and each is computed once, whoever asks meanwhile. */
export class RecentResults<T> {
  readonly #limit: number;
  readonly #results = new Map<string, Promise<T>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A failure is not kept. */
  async get(id: string, compute: () => Promise<T>): Promise<T> {
    const known = this.#results.get(id);
    const result = known ?? compute();
    this.#results.delete(id);
    this.#results.set(id, result);
    if (this.#results.size > this.#limit) {
      const [oldest] = this.#results.keys();
      this.#results.delete(oldest);
    }
    try {
      return await result;
    } catch (error) {
      if (this.#results.get(id) === result) this.#results.delete(id);
      throw error;
    }
  }
}
