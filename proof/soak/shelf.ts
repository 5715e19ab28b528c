import type { Random } from './random.js';
import type { PredictRequest } from './requests.js';

/** Number of recent predictions that clients request again. */
const MAX_RECENT = 40;

export interface Known {
  readonly id: string;
  /** Digest of the weights in the requested format. */
  readonly digest: string;
  readonly request: PredictRequest;
}

/** Answers of the service that clients remember. */
export class Shelf {
  readonly #recent: Known[] = [];
  readonly #first = new Map<string, string>();
  readonly #digests = new Map<string, string>();

  add(known: Known): void {
    this.#digests.set(known.id, known.digest);
    this.#recent.push(known);
    if (this.#recent.length > MAX_RECENT) this.#recent.shift();
  }

  /** Returns one of the recent predictions; undefined if there is none yet. */
  pick(random: Random, fits: (known: Known) => boolean = () => true): Known | undefined {
    const fitting = this.#recent.filter(fits);
    return fitting.length === 0 ? undefined : random.pick(fitting);
  }

  /** Returns the digest of a prediction's weights that a client received; undefined if none did. */
  digest(id: string): string | undefined {
    return this.#digests.get(id);
  }

  /** Number of predictions that clients have received. */
  get size(): number {
    return this.#digests.size;
  }

  /** Returns the first value with a name; undefined if this is the first. */
  first(name: string, value: string): string | undefined {
    const known = this.#first.get(name);
    if (known === undefined) this.#first.set(name, value);
    return known;
  }
}
