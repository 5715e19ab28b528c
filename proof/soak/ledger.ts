/** Number of examples that are kept of each kind of fault. */
const MAX_EXAMPLES = 5;

export interface Fault {
  readonly kind: string;
  readonly message: string;
  count: number;
  /** Times of the faults, in seconds from the start. */
  readonly at: number[];
}

/** Requests and their outcomes. */
export class Ledger {
  /** Latencies in milliseconds, by the kind of request. */
  readonly latencies = new Map<string, number[]>();
  /** Number of completed actions of clients, by kind. */
  readonly done = new Map<string, number>();
  /** Answers that a client must expect: evicted, refused and tried again, lost with the engine. */
  readonly expected = new Map<string, Fault>();
  /** Answers that no client should get. */
  readonly unexpected = new Map<string, Fault>();
  /** Number of bodies whose digest was compared, and of those whose digest differed. */
  digests = { checked: 0, wrong: 0 };
  readonly #start = performance.now();

  /** Seconds since the start. */
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
