import type { NetworkNorm } from './network-norm.js';
import type { ExpectedNorms } from './norms-file.js';

/**
 * Of a published norm, beside what is drawn at random and what float32 sums lose. Four decimals are published, the account
 * of float32 sums is good to 0.0004, engines differ less, and the authors' own figures from two versions of PyTorch agree
 * to 0.001. (Their own check allows 0.01.)
 */
const PUBLISHED_TOLERANCE = 0.002;

/** Tolerance for a norm that this command wrote: the engines differ by 4e-8 at most. */
const OWN_RELATIVE_TOLERANCE = 2e-7;

/** Accepted deviation of randomly drawn values, in standard deviations. One norm in two million is further off. */
const BELIEVED_DEVIATIONS = 5;

export interface Check {
  readonly expected: number;
  /** (found - expected) / expected */
  readonly difference: number;
  /** The differences that are allowed: least and most. */
  readonly allowed: readonly [number, number];
  readonly holds: boolean;
}

/**
 * Holds a network's norm against the one that is expected.
 *
 * @param relativeTolerance in place of the usual one for such norms
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
  // Norms of this command have the expectation of what is drawn, as `norm` does; the authors drew once.
  const slack = own ? tolerance : tolerance + BELIEVED_DEVIATIONS * deviation;
  const { least, most } = own ? { least: norm, most: norm } : float32;
  return {
    expected,
    difference: (norm - expected) / expected,
    allowed: [(norm - most - slack) / expected, (norm - least + slack) / expected],
    holds: expected >= least - slack && expected <= most + slack,
  };
}
