import type { NetworkNorm } from './network-norm.js';
import type { ExpectedNorms } from './norms-file.js';

/**
 * Tolerance for a published norm, besides the deviation of random values and the losses of float32 sums. Published
 * norms have four decimals, the estimate of float32 sums is exact to 0.0004, engines differ less, and the authors' own
 * figures from two versions of PyTorch agree to 0.001. (Their own check allows 0.01.)
 */
const PUBLISHED_TOLERANCE = 0.002;

/** Relative tolerance for a norm that this command wrote: the engines differ by 4e-8 at most. */
const OWN_RELATIVE_TOLERANCE = 2e-7;

/** Accepted deviation of random values, in standard deviations. One norm in two million deviates more. */
const BELIEVED_DEVIATIONS = 5;

export interface Check {
  readonly expected: number;
  /** (found - expected) / expected */
  readonly difference: number;
  /** The least and the largest accepted difference. */
  readonly allowed: readonly [number, number];
  readonly holds: boolean;
}

/**
 * Compares a network's norm with the expected one.
 *
 * @param relativeTolerance replaces the default for such norms
 */
export function checkNorm(
  found: NetworkNorm,
  expected: number,
  precision: ExpectedNorms['precision'],
  relativeTolerance: number | null,
): Check {
  const { norm, deviation, float32 } = found;
  const own = precision === 'float64';
  const usual = own ? OWN_RELATIVE_TOLERANCE * expected : PUBLISHED_TOLERANCE;
  const tolerance = relativeTolerance === null ? usual : relativeTolerance * expected;
  // Norms of this command use the expectation of random values, as `norm` does; the authors' norms are from one draw.
  const slack = own ? tolerance : tolerance + BELIEVED_DEVIATIONS * deviation;
  const { least, most } = own ? { least: norm, most: norm } : float32;
  return {
    expected,
    difference: (norm - expected) / expected,
    allowed: [(norm - most - slack) / expected, (norm - least + slack) / expected],
    holds: expected >= least - slack && expected <= most + slack,
  };
}
