/** What is kept of faults that are alike: enough to look one up. */
const MAX_EXAMPLES = 5;

export interface Fault {
  readonly kind: string;
  readonly message: string;
  count: number;
  /** When, in seconds from the start. */
  readonly at: number[];
}

/** Requests and their outcomes. */
export class Ledger {
  /** Milliseconds of each answer, by what was asked for. */
  readonly latencies = new Map<string, number[]>();
  /** How often clients did what, to its end. */
  readonly done = new Map<string, number>();
  /** Answers that a client has to live with: evicted, refused and tried again, lost with the engine. */
  readonly expected = new Map<string, Fault>();
  /** Answers that nobody should get. */
  readonly unexpected = new Map<string, Fault>();
  /** Bodies whose digest was compared, and those whose digest was another. */
  digests = { checked: 0, wrong: 0 };
  readonly #start = performance.now();

  /** Since the start. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  answered(what: string, milliseconds: number): void {
    const latencies = this.latencies.get(what);
    if (latencies) latencies.push(milliseconds);
    else this.latencies.set(what, [milliseconds]);
  }

  finished(kind: string): void {
    this.done.set(kind, (this.done.get(kind) ?? 0) + 1);
  }

  excuse(kind: string, message: string): void {
    this.#note(this.expected, kind, message);
  }

  blame(kind: string, message: string): void {
    this.#note(this.unexpected, kind, message);
  }

  #note(faults: Map<string, Fault>, kind: string, message: string): void {
    const key = `${kind}\n${message}`;
    const fault = faults.get(key) ?? { kind, message, count: 0, at: [] };
    fault.count++;
    if (fault.at.length < MAX_EXAMPLES) fault.at.push(Math.round(this.seconds));
    faults.set(key, fault);
  }
}
