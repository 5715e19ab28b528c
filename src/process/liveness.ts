/** Time between two signs of life of a process, except while it computes a product. */
export const ALIVE_INTERVAL_MS = 1000;

/**
 * Limits after which a process counts as hung, as numbers of checks. A process that works gives a sign of life between
 * any two checks.
 */
export interface LivenessLimits {
  /**
   * Silent checks during the first start: libraries and a cold disk may take long, and whoever started the service
   * watches it.
   */
  readonly firstSilence: number;
  readonly silence: number;
  /** Duration of any later start as a whole: reading a file may hang while the rest of the process is alive. */
  readonly start: number;
}

const LIMITS: LivenessLimits = { firstSilence: 120, silence: 30, start: 120 };

/** Number of silent checks after which a start is suspect. */
const SUSPECT = 5;

/** A later start may take this many times as long as the first. */
const SLOWER = 10;

/**
 * Limits double with each start that was too slow, so that a start succeeds on a crowded machine too; this is the
 * largest number of doublings.
 */
const MAX_DOUBLINGS = 4;

/**
 * Decides from a process's signs of life if it hangs. It counts checks, not time: while the service itself is
 * suspended, it makes no checks and reads no messages.
 */
export class Liveness {
  readonly #limits: LivenessLimits;
  #silent = 0;
  #starting = 0;
  #isStarting = false;
  #slowStarts = 0;
  /** Number of checks that the first start took; null until it is over. */
  #first: number | null = null;

  constructor(limits: LivenessLimits = LIMITS) {
    this.#limits = limits;
  }

  /** True if the process has been silent during a start for longer than usual. */
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

  /**
   * Makes a check. Returns the reason why the process counts as hung, once for each limit that is exceeded, and
   * otherwise null.
   */
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
