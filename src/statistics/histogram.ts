import { HISTOGRAM_BINS, type Histogram } from './schema.js';

/**
 * Counts values in equal bins over a range, with the edges of numpy.histogram (its linspace). Bins include their left
 * edge, and the last also its right edge. If all values are equal, the range is 1 wide, with the value in the middle.
 */
export class HistogramCounter {
  readonly #edges: Float64Array;
  readonly #counts = new Float64Array(HISTOGRAM_BINS);
  readonly #binsPerUnit: number;

  constructor({ min, max }: { readonly min: number; readonly max: number }) {
    const first = min === max ? min - 0.5 : min;
    const last = min === max ? max + 0.5 : max;
    const width = (last - first) / HISTOGRAM_BINS;
    this.#edges = Float64Array.from({ length: HISTOGRAM_BINS + 1 }, (_, bin) => first + bin * width);
    this.#edges[HISTOGRAM_BINS] = last;
    this.#binsPerUnit = HISTOGRAM_BINS / (last - first);
  }

  /** Counts the finite values, which have to be within the range. */
  add(values: Float32Array, multiplicity = 1): void {
    const edges = this.#edges;
    const counts = this.#counts;
    const binsPerUnit = this.#binsPerUnit;
    const [first] = edges;
    for (let k = 0; k < values.length; k++) {
      const value = values[k];
      const place = (value - first) * binsPerUnit;
      // NaN and ±Infinity are in no bin.
      if (!(place <= HISTOGRAM_BINS + 1 && place >= 0)) continue;
      let bin = Math.min(Math.floor(place), HISTOGRAM_BINS - 1);
      // The place was rounded, so the edges decide.
      if (value < edges[bin]) bin--;
      else if (bin < HISTOGRAM_BINS - 1 && value >= edges[bin + 1]) bin++;
      counts[bin] += multiplicity;
    }
  }

  histogram(): Histogram {
    return { edges: [...this.#edges], counts: [...this.#counts] };
  }
}
