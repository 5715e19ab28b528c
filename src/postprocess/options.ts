/** What a request may ask of post-processing (docs/ghn.md, section 7). */
export interface PostprocessOptions {
  /** β, finite and not negative; 0 adds no noise. */
  readonly noise: number;
  readonly orthogonalize: boolean;
  /** The first weight, counted from 1, that is transformed. */
  readonly fromLayer: number;
  /** Weights are transformed that have more outputs or inputs; noise is added from this output and input on. */
  readonly minChannels: number;
  /** Seed of the noise, and of the rows that complete a weight whose rank is too low. */
  readonly seed: number;
}
