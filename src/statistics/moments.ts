import type { NetworkStatistics } from './schema.js';

/**
 * Number of values that are summed before they are added to the total: they stay in the processor's first cache for
 * both passes.
 */
const CHUNK = 4096;

/**
 * Computes moments of float32 values, each counted with a multiplicity, to float64's accuracy at any scale. The squares
 * of a chunk are taken about the chunk's mean and then combined (Chan, Golub and LeVeque, 1979), and the sums of chunks
 * are added with Neumaier's compensation.
 */
export class Moments {
  #count = 0;
  #sum = 0;
  #compensation = 0;
  /** Sum of the squared distances of the values from their mean. */
  #squares = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #zeros = 0;
  #nan = false;
  #infinite = { negative: false, positive: false };

  add(values: Float32Array, multiplicity = 1): void {
    for (let start = 0; start < values.length; start += CHUNK) {
      this.#addChunk(values, start, Math.min(start + CHUNK, values.length), multiplicity);
    }
  }

  merge(other: Moments): void {
    if (other.#count === 0) return;
    this.#combine(other.#count, other.#mean, other.#squares);
    this.#addToSum(other.#sum);
    this.#addToSum(other.#compensation);
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
    this.#zeros += other.#zeros;
    this.#nan ||= other.#nan;
    this.#infinite.negative ||= other.#infinite.negative;
    this.#infinite.positive ||= other.#infinite.positive;
  }

  /** True if every value is finite. */
  get finite(): boolean {
    return !this.#nan && !this.#infinite.negative && !this.#infinite.positive;
  }

  /** The smallest and the largest finite value; null if there is none. */
  get range(): { readonly min: number; readonly max: number } | null {
    return this.#min <= this.#max ? { min: this.#min, max: this.#max } : null;
  }

  /**
   * Returns the moments that numpy would compute in float64. They are null if they are not finite or undefined, as
   * those of no values are.
   */
  statistics(): NetworkStatistics {
    const { finite } = this;
    const mean = this.#mean;
    const some = finite && this.#count > 0;
    return {
      count: this.#count,
      mean: some ? mean : null,
      std: some ? Math.sqrt(this.#squares / this.#count) : null,
      min: this.range && !this.#nan && !this.#infinite.negative ? this.#min : null,
      max: this.range && !this.#nan && !this.#infinite.positive ? this.#max : null,
      l2: finite ? Math.sqrt(this.#squares + this.#count * mean * mean) : null,
      zeros: this.#zeros,
    };
  }

  get #mean(): number {
    return this.#count === 0 ? 0 : (this.#sum + this.#compensation) / this.#count;
  }

  #addChunk(values: Float32Array, start: number, end: number, multiplicity: number): void {
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    let zeros = 0;
    // Four separate sums, which the processor adds in parallel.
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let k = start;
    for (; k + 4 <= end; k += 4) {
      const x0 = values[k];
      const x1 = values[k + 1];
      const x2 = values[k + 2];
      const x3 = values[k + 3];
      a += x0;
      b += x1;
      c += x2;
      d += x3;
      const least = Math.min(Math.min(x0, x1), Math.min(x2, x3));
      const most = Math.max(Math.max(x0, x1), Math.max(x2, x3));
      if (least < min) min = least;
      if (most > max) max = most;
      if (x0 === 0) zeros++;
      if (x1 === 0) zeros++;
      if (x2 === 0) zeros++;
      if (x3 === 0) zeros++;
    }
    for (; k < end; k++) {
      const x = values[k];
      a += x;
      if (x < min) min = x;
      if (x > max) max = x;
      if (x === 0) zeros++;
    }
    const sum = a + b + (c + d);
    this.#zeros += zeros * multiplicity;
    // The sum of float32 values cannot overflow float64, so one of them is not finite.
    if (!Number.isFinite(sum)) {
      this.#addNonFinite(values.subarray(start, end), multiplicity);
      return;
    }
    const mean = sum / (end - start);
    a = 0;
    b = 0;
    c = 0;
    d = 0;
    for (k = start; k + 4 <= end; k += 4) {
      const x0 = values[k] - mean;
      const x1 = values[k + 1] - mean;
      const x2 = values[k + 2] - mean;
      const x3 = values[k + 3] - mean;
      a += x0 * x0;
      b += x1 * x1;
      c += x2 * x2;
      d += x3 * x3;
    }
    for (; k < end; k++) a += (values[k] - mean) ** 2;
    this.#combine((end - start) * multiplicity, mean, (a + b + (c + d)) * multiplicity);
    this.#addToSum(sum * multiplicity);
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
  }

  /** Counts the values and their range. The sum is no longer finite. */
  #addNonFinite(values: Float32Array, multiplicity: number): void {
    this.#count += values.length * multiplicity;
    for (const value of values) {
      if (Number.isNaN(value)) this.#nan = true;
      else if (value === Number.POSITIVE_INFINITY) this.#infinite.positive = true;
      else if (value === Number.NEGATIVE_INFINITY) this.#infinite.negative = true;
      else {
        this.#min = Math.min(this.#min, value);
        this.#max = Math.max(this.#max, value);
      }
    }
  }

  /** Merges the count and the squares of other values about their mean. Must be called before their sum is added. */
  #combine(count: number, mean: number, squares: number): void {
    const total = this.#count + count;
    const distance = mean - this.#mean;
    this.#squares += squares + distance * distance * ((this.#count * count) / total);
    this.#count = total;
  }

  #addToSum(value: number): void {
    const sum = this.#sum + value;
    this.#compensation +=
      Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
  }
}
