import type { Random } from './random.js';
import type { PredictRequest } from './requests.js';

/** Number of recent predictions that clients come back for. */
const MAX_RECENT = 40;

export interface Known {
  readonly id: string;
  /** Digest of the weights as they were asked for. */
  readonly digest: string;
  readonly request: PredictRequest;
}

/** The service's answers that clients remember. */
export class Shelf {
  readonly #recent: Known[] = [];
  readonly #first = new Map<string, string>();
  readonly #digests = new Map<string, string>();

  add(known: Known): void {
    this.#digests.set(known.id, known.digest);
    this.#recent.push(known);
    if (this.#recent.length > MAX_RECENT) this.#recent.shift();
  }

  /** One of the last; undefined where there is none yet. */
  pick(random: Random, fits: (known: Known) => boolean = () => true): Known | undefined {
    const fitting = this.#recent.filter(fits);
    return fitting.length === 0 ? undefined : random.pick(fitting);
  }

  /** The digest of a prediction's weights as a client got them; undefined where none did. */
  digest(id: string): string | undefined {
    return this.#digests.get(id);
  }

  /** How many predictions clients have got. */
  get size(): number {
    return this.#digests.size;
  }

  /** What has the name was at first; undefined where it was not seen before. */
  first(name: string, value: string): string | undefined {
    const known = this.#first.get(name);
    if (known === undefined) this.#first.set(name, value);
    return known;
  }
}
