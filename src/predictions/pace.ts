import type { StageLatency } from '../predictor/protocol.js';
import type { Part, PredictionCost } from './cost.js';

/** Each new prediction multiplies the weight of the earlier ones by this; after seven it is a half. */
const DECAY = 0.9;

interface Observed {
  seconds: number;
  work: number;
}

/** Measures how long this machine takes for a unit of each part's work, from the last predictions. */
export class Pace {
  readonly #observed: Record<Part, Observed> = {
    graph: { seconds: 0, work: 0 },
    encode: { seconds: 0, work: 0 },
    decode: { seconds: 0, work: 0 },
    postprocess: { seconds: 0, work: 0 },
    'hand over': { seconds: 0, work: 0 },
  };

  /**
   * @param stages milliseconds of each stage
   * @param total milliseconds from when the engine began it to when the result arrived
   */
  observe({ work }: PredictionCost, stages: StageLatency, total: number): void {
    const { graph, encode, decode, postprocess } = stages;
    const rest = Math.max(0, total - graph - encode - decode - postprocess);
    for (const [part, milliseconds] of Object.entries({ ...stages, 'hand over': rest })) {
      // Most predictions are not post-processed, so they give no times for it.
      if (work[part as Part] === 0) continue;
      const observed = this.#observed[part as Part];
      observed.seconds = DECAY * observed.seconds + milliseconds / 1000;
      observed.work = DECAY * observed.work + work[part as Part];
    }
  }

  /** Seconds that a unit of each measured part's work takes. */
  get rates(): Rates {
    return Object.fromEntries(
      Object.entries(this.#observed).flatMap(([part, { seconds, work }]) =>
        work > 0 ? [[part, seconds / work]] : [],
      ),
    );
  }

  /** Predicted seconds for which a prediction occupies the engine. Parts that were never measured count as 0. */
  seconds(cost: PredictionCost): number {
    return secondsAt(this.rates, cost);
  }
}

export type Rates = Readonly<Partial<Record<Part, number>>>;

/** Predicted seconds of a prediction at the given rates. */
export function secondsAt(rates: Rates, { work }: PredictionCost): number {
  return Object.entries(rates).reduce((sum, [part, rate]) => sum + work[part as Part] * rate, 0);
}
