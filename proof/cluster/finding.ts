/** How much of each claim is tried. */
export interface ProofOptions {
  /** Networks that six clients ask for at three apis. */
  readonly networks: number;
  readonly workerKills: number;
  readonly engineKills: number;
  readonly apiKills: number;
  /** Seconds for which each link has each fault. */
  readonly cutSeconds: number;
  readonly redisLosses: number;
  /** How often each of some networks is asked for while workers of another engine come and go. */
  readonly asked: number;
  /** Predictions that are written to a store that holds a fraction of them. */
  readonly stored: number;
  /** Whether a late answer is a fault. */
  readonly isTimed: boolean;
  /** Arguments that start a service; the built service by default. */
  readonly program?: readonly string[];
}

/** The figures and faults of a claim; without faults it holds. */
export interface Finding {
  readonly claim: string;
  readonly figures: string;
  readonly faults: readonly string[];
}
