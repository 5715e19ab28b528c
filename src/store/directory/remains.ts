import type { PredictionRemains } from '../store.js';

/** More corrupt predictions than this mean a broken disk, which making predictions again does not help. */
const MAX_REMAINS = 100;

/** Architectures of the predictions that were last found corrupt and removed. */
export class Remains {
  readonly #remains = new Map<string, Promise<PredictionRemains | null>>();

  /** Remembers the undamaged parts that `read` resolves to. If it rejects, nothing is remembered. */
  add(id: string, read: Promise<PredictionRemains>): void {
    const remains = read.catch(() => {
      if (this.#remains.get(id) === remains) this.#remains.delete(id);
      return null;
    });
    this.#remains.delete(id);
    this.#remains.set(id, remains);
    if (this.#remains.size > MAX_REMAINS) {
      const [oldest] = this.#remains.keys();
      this.#remains.delete(oldest);
    }
  }

  async get(id: string): Promise<PredictionRemains | null> {
    return (await this.#remains.get(id)) ?? null;
  }

  /** Returns true if there were remains. */
  delete(id: string): boolean {
    return this.#remains.delete(id);
  }
}
