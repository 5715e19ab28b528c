/** Number of tries for each claim. */
export interface ProofOptions {
  /** Number of networks that six clients request from three apis. */
  readonly networks: number;
  readonly workerKills: number;
  readonly engineKills: number;
  readonly apiKills: number;
  /** Seconds for which each link has each fault. */
  readonly cutSeconds: number;
  readonly redisLosses: number;
  /** Number of requests for each of some networks while workers of another engine join and leave. */
  readonly asked: number;
  /** Number of predictions that are written to a store with room for a fraction of them. */
  readonly stored: number;
  /** True if a late answer is a fault. */
  readonly isTimed: boolean;
  /** Arguments that start a service; by default the built service. */
  readonly program?: readonly string[];
}

/** Figures and faults of a claim. The claim holds if there are no faults. */
export interface Finding {
  readonly claim: string;
  readonly figures: string;
  readonly faults: readonly string[];
}
