import { randomKey } from '../../src/random/key.js';
import { threefry, type Words4 } from '../../src/random/threefry.js';

/** Number of words that are drawn at once. */
const BLOCK = 64;

/** Random choices that are repeatable with the same seed and name. */
export class Random {
  readonly #key: Words4;
  readonly #words = new Uint32Array(BLOCK);
  #blocks = 0;
  #used = BLOCK;

  constructor(seed: number, name: string) {
    this.#key = randomKey(seed, name, 'soak');
  }

  /** Returns a number from 0 to 1, excluding 1. */
  fraction(): number {
    if (this.#used === BLOCK) {
      threefry(this.#key, [(this.#blocks++ * BLOCK) / 4, 0, 0, 0], this.#words);
      this.#used = 0;
    }
    return this.#words[this.#used++] / 2 ** 32;
  }

  /** Returns a whole number from 0 to `end`, excluding `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** Returns one of the choices, with probabilities according to their weights. */
  weighted<T extends { readonly weight: number }>(choices: readonly T[]): T {
    let left = this.fraction() * choices.reduce((sum, { weight }) => sum + weight, 0);
    const found = choices.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
    return found ?? choices[choices.length - 1];
  }

  /** Returns the time until the next of independent events that are on average `mean` apart. */
  gap(mean: number): number {
    return -mean * Math.log(1 - this.fraction());
  }
}
