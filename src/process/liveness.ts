/** How often a process says that it is alive, unless it multiplies. */
export const ALIVE_INTERVAL_MS = 1000;

/** Checks without a sign of life after which a process counts as hung; a process gives one between any two checks. */
export interface LivenessLimits {
  /** At the first start: libraries and a cold disk may take long, and whoever started the service watches it. */
  readonly firstSilence: number;
  readonly silence: number;
  /** For a start as a whole, after the first: reading a file may hang while the rest is alive. */
  readonly start: number;
}

const LIMITS: LivenessLimits = { firstSilence: 120, silence: 30, start: 120 };

/** A starting process may be silent for this many checks. */
const SUSPECT = 5;

/** How much longer than the first a later start may take. */
const SLOWER = 10;

/** Limits double with each start that was too slow, so that a crowded machine gets there too; no more often than this. */
const MAX_DOUBLINGS = 4;

/**
 * Tells from a process's signs of life whether it hangs. Counts checks rather than time: while the service itself stood
 * still, none were made and no message was read.
 */
export class Liveness {
  readonly #limits: LivenessLimits;
  #silent = 0;
  #starting = 0;
  #isStarting = false;
  #slowStarts = 0;
  /** Checks that the first start took; null before it was over. */
  #first: number | null = null;

  constructor(limits: LivenessLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Whether a start takes longer without a sign than one that goes well. */
  get isSuspect(): boolean {
    return this.#isStarting && this.#silent >= SUSPECT;
  }

  starts(): void {
    this.#silent = 0;
    this.#starting = 0;
    this.#isStarting = true;
  }

  started(): void {
    this.#first ??= this.#starting;
    this.#isStarting = false;
    this.#slowStarts = 0;
  }

  heard(): void {
    this.#silent = 0;
  }

  /** A check: why the process counts as hung, or null. Says so once for each limit that is passed. */
  tick(): string | null {
    this.#silent++;
    if (this.#isStarting) this.#starting++;
    const { firstSilence, silence, start } = this.#limits;
    const doubled = 2 ** Math.min(this.#slowStarts, MAX_DOUBLINGS);
    if (this.#silent === (this.#first === null ? firstSilence : silence * doubled)) {
      if (this.#isStarting) this.#slowStarts++;
      return `has given no sign of life in ${this.#silent} s`;
    }
    if (this.#first !== null && this.#starting === Math.max(start, SLOWER * this.#first) * doubled) {
      this.#slowStarts++;
      return `was not ready after ${this.#starting} s`;
    }
    return null;
  }
}
