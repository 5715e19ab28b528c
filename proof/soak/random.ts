import { randomKey } from '../../src/random/key.js';
import { threefry, type Words4 } from '../../src/random/threefry.js';

/** Words that are drawn at a time. */
const BLOCK = 64;

/** Random choices that a seed and a name repeat. */
export class Random {
  readonly #key: Words4;
  readonly #words = new Uint32Array(BLOCK);
  #blocks = 0;
  #used = BLOCK;

  constructor(seed: number, name: string) {
    this.#key = randomKey(seed, name, 'soak');
  }

  /** From 0 to 1, without 1. */
  fraction(): number {
    if (this.#used === BLOCK) {
      threefry(this.#key, [(this.#blocks++ * BLOCK) / 4, 0, 0, 0], this.#words);
      this.#used = 0;
    }
    return this.#words[this.#used++] / 2 ** 32;
  }

  /** A whole number from 0 to `end`, without `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** One of the choices, each as often as its weight has it. */
  weighted<T extends { readonly weight: number }>(choices: readonly T[]): T {
    let left = this.fraction() * choices.reduce((sum, { weight }) => sum + weight, 0);
    const found = choices.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
    return found ?? choices[choices.length - 1];
  }

  /** How long until the next of events that come independently of each other, `mean` apart on average. */
  gap(mean: number): number {
    return -mean * Math.log(1 - this.fraction());
  }
}
