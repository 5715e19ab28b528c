import type { StageLatency } from '../predictor/protocol.js';
import type { Part, PredictionCost } from './cost.js';

/** How much each further prediction takes from the weight of those before: after seven it is a half. */
const DECAY = 0.9;

interface Observed {
  seconds: number;
  work: number;
}

/** How long this machine takes for a unit of each part's work, as the last predictions have shown. */
export class Pace {
  readonly #observed: Record<Part, Observed> = {
    graph: { seconds: 0, work: 0 },
    encode: { seconds: 0, work: 0 },
    decode: { seconds: 0, work: 0 },
    postprocess: { seconds: 0, work: 0 },
    'hand over': { seconds: 0, work: 0 },
  };

  /**
   * @param stages milliseconds of each
   * @param total milliseconds from when the engine was free for it to when it was there
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

  /** Seconds that a unit of each part's work takes, of those that were seen. */
  get rates(): Rates {
    return Object.fromEntries(
      Object.entries(this.#observed).flatMap(([part, { seconds, work }]) =>
        work > 0 ? [[part, seconds / work]] : [],
      ),
    );
  }

  /** The seconds for which it will occupy the engine. Parts that were never measured count as 0. */
  seconds(cost: PredictionCost): number {
    return secondsAt(this.rates, cost);
  }
}

export type Rates = Readonly<Partial<Record<Part, number>>>;

/** How many seconds a prediction takes at those rates. */
export function secondsAt(rates: Rates, { work }: PredictionCost): number {
  return Object.entries(rates).reduce((sum, [part, rate]) => sum + work[part as Part] * rate, 0);
}
