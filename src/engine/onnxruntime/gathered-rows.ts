import type { Matrix, RowRange } from '../engine.js';

/** Largest number of values that are kept, 16 MB: the rows for some thirty kernels of a GHN-3-T. */
const MAX_KEPT = 4 * 2 ** 20;

/** A cache of rows gathered from weights. It keeps the most recently used. */
export class GatheredRows<M extends Matrix> {
  readonly #numbers = new WeakMap<M, number>();
  /** Ordered from the least to the most recently used. */
  readonly #kept = new Map<string, M>();
  #weights = 0;
  #size = 0;

  get bytes(): number {
    return this.#size * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Returns the cached rows of these ranges, or the result of `gather` if they are not cached. */
  get(weight: M, ranges: readonly RowRange[], gather: () => M): M {
    const key = `${this.#numberOf(weight)} ${ranges.join(' ')}`;
    const kept = this.#kept.get(key);
    const rows = kept ?? gather();
    this.#kept.delete(key);
    this.#kept.set(key, rows);
    if (!kept) this.#size += sizeOf(rows);
    for (const [oldest, each] of this.#kept) {
      if (this.#size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
      this.#size -= sizeOf(each);
    }
    return rows;
  }

  #numberOf(weight: M): number {
    const number = this.#numbers.get(weight) ?? this.#weights++;
    this.#numbers.set(weight, number);
    return number;
  }
}

const sizeOf = ({ rows, columns }: Matrix) => rows * columns;
