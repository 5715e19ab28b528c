import { readFileSync } from 'node:fs';

/** Expected properties of a tensor that the authors' code predicted. */
export interface ExpectedTensor {
  readonly shape: readonly number[];
  readonly std: number;
  readonly l2: number;
  /** Flat indices, and the values there. */
  readonly index: readonly number[];
  readonly value: readonly number[];
  /** Number of leading values that are drawn at random. */
  readonly skip?: number;
}

/** Returns the expected tensors in test/fixtures/predictions by name. */
export function expectedPredictions(ghn: string, architecture: string): ReadonlyMap<string, ExpectedTensor> {
  const file = new URL(`../fixtures/predictions/${ghn}/${architecture}.json`, import.meta.url);
  return new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, ExpectedTensor>));
}

/**
 * Returns the largest difference between values and the expected ones in standard deviations, or the relative
 * difference of their norms if that is larger. Returns infinity if there is a NaN.
 */
export function compareTensor(
  values: Float32Array,
  { std, l2, index, value, skip = 0 }: ExpectedTensor,
): number {
  let worst = 0;
  for (const [k, at] of index.entries()) {
    worst = larger(worst, Math.abs(values[at] - value[k]) / (std || 1));
  }
  let squares = 0;
  for (let k = skip; k < values.length; k++) squares += values[k] * values[k];
  return larger(worst, Math.abs(Math.sqrt(squares) - l2) / (l2 || 1));
}

const larger = (a: number, b: number) => (a >= b ? a : b >= a ? b : Number.POSITIVE_INFINITY);
