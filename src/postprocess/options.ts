/** Options of post-processing in a request (docs/ghn.md, section 7). */
export interface PostprocessOptions {
  /** β, finite and not negative; 0 adds no noise. */
  readonly noise: number;
  readonly orthogonalize: boolean;
  /** Number of the first weight that is transformed, counted from 1. */
  readonly fromLayer: number;
  /**
   * Only weights with more outputs or more inputs than this are transformed. Noise is added from this output and input
   * on.
   */
  readonly minChannels: number;
  /** Seed of the noise, and of the rows that complete a weight whose rank is too small. */
  readonly seed: number;
}
