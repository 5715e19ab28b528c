import type { StageLatency } from '../predictor/protocol.js';
import type { PredictionCost } from './cost.js';
import { InvalidRequestError } from './errors.js';
import { Pace } from './pace.js';

/**
 * The reason for a refusal: too many waiting predictions, too long a wait, too much memory in use, a busy event loop,
 * too many bodies being received, or too many answers that wait for clients to read them.
 */
export type Refusal = 'queue' | 'wait' | 'memory' | 'event loop' | 'bodies' | 'answers';

/** The service has as much to do as it can hold, so it refuses another prediction. */
export class OverloadedError extends Error {
  readonly reason: Refusal;
  /** Whole seconds after which the client should try again. */
  readonly retryAfter: number;

  constructor(reason: Refusal, retryAfter: number, message: string) {
    super(message);
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/**
 * A client that already has predictions may use up to three times as much as remains free: a single client three
 * quarters, two clients three sevenths each. So there is always room for a client that comes later.
 */
export const SHARE = 3;

/** Upper limit of Retry-After: a longer prediction of the wait would not be reliable. */
const MAX_RETRY_AFTER_SECONDS = 300;

export interface AdmissionOptions {
  /** Maximum number of predictions that wait while one is computed. */
  readonly maxQueue: number;
  /** Maximum time in milliseconds until a prediction begins, if a client waits for it. */
  readonly maxWaitMilliseconds: number;
  /** Memory limit for all predictions together, in all processes of the service, in bytes. */
  readonly memoryBytes: () => number;
  /** The number of answers under way that slow each other down. */
  readonly crowdedAnswers: () => number;
  readonly onRefusal: (reason: Refusal) => void;
}

/**
 * Decides at once, from the predicted cost, whether to accept a prediction, so that no client waits in vain. The
 * engine computes one at a time. So memory must suffice for the results of all accepted predictions, and for the work
 * on the one among them that needs most.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #pace = new Pace();
  readonly #places = new Set<Place>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Reserves a place for a prediction that begins as soon as its turn comes.
   *
   * @param isWaitedFor whether a client waits for the prediction
   * @param client the client that asks, by a key or an address
   * @throws InvalidRequestError if the limit on memory is too small for it even alone; OverloadedError
   */
  admit(cost: PredictionCost, isWaitedFor: boolean, client = ''): Place {
    checkSize(cost, this.#options.memoryBytes());
    try {
      this.#checkQueue(client);
      if (isWaitedFor) this.#checkWait(client);
      this.#checkMemory(cost, client);
    } catch (error) {
      if (error instanceof OverloadedError) this.#options.onRefusal(error.reason);
      throw error;
    }
    const place = new Place(cost, client, {
      onChange: () => {
        if (place.bytes === 0) this.#places.delete(place);
        else this.#places.add(place);
      },
      onMade: (stages, total) => this.#pace.observe(cost, stages, total),
    });
    this.#places.add(place);
    return place;
  }

  /** Estimated seconds until all accepted predictions are computed. */
  get secondsUntilIdle(): number {
    let seconds = 0;
    for (const place of this.#places) {
      if (!place.isPending) continue;
      seconds += this.#secondsOf(place);
    }
    return seconds;
  }

  #secondsOf({ cost, secondsRunning }: Place): number {
    return Math.max(0, this.#pace.seconds(cost) - secondsRunning);
  }

  #checkQueue(client: string): void {
    const { maxQueue, crowdedAnswers } = this.#options;
    let pending = 0;
    let own = 0;
    for (const place of this.#places) {
      if (!place.isPending) continue;
      pending++;
      if (place.client === client) own++;
    }
    const answers = crowdedAnswers();
    const free = maxQueue + 1 - pending - answers;
    if (free > 0 && own <= SHARE * free) return;
    const waiting =
      free > 0
        ? `${own} predictions of the same client are already waiting, and the rest of the queue is for other clients`
        : `${Math.max(0, pending - 1)} predictions are waiting already`;
    throw this.#overloaded(
      'queue',
      `${answers === 0 ? waiting : `${waiting}, and ${answers} more are being written to answers`} (MAX_QUEUE)`,
    );
  }

  #checkWait(client: string): void {
    const milliseconds = 1000 * this.#secondsBefore(client);
    const { maxWaitMilliseconds } = this.#options;
    if (milliseconds <= maxWaitMilliseconds) return;
    throw this.#overloaded(
      'wait',
      `the prediction would have to wait for about ${Math.round(milliseconds)} ms, longer than the ` +
        `limit of ${maxWaitMilliseconds} ms (MAX_WAIT_MS)`,
    );
  }

  /**
   * Estimated seconds until a new prediction of this client would begin. Clients take turns, so all of its own
   * predictions come first, and as many of every other client.
   */
  #secondsBefore(client: string): number {
    const turns = new Map<string, number>();
    let own = 0;
    for (const place of this.#places) if (place.isWaiting && place.client === client) own++;
    let seconds = 0;
    for (const place of this.#places) {
      if (!place.isPending) continue;
      if (place.isWaiting && place.client !== client) {
        const turn = (turns.get(place.client) ?? 0) + 1;
        turns.set(place.client, turn);
        if (turn > own + 1) continue;
      }
      seconds += this.#secondsOf(place);
    }
    return seconds;
  }

  #checkMemory({ resultBytes, requestBytes, workBytes }: PredictionCost, client: string): void {
    const bytes = 2 * resultBytes + requestBytes;
    let held = bytes;
    let own = 0;
    let work = workBytes;
    for (const place of this.#places) {
      held += place.bytes;
      // Settled predictions do not count for the client: slow answers soon continue from the store.
      if (place.client === client && !place.isSettled) own += place.bytes;
      if (place.isPending) work = Math.max(work, place.cost.workBytes);
    }
    const limit = this.#options.memoryBytes();
    const free = limit - held - work;
    if (free >= 0 && (own === 0 || own + bytes <= SHARE * free)) return;
    const others = free >= 0 ? '; the rest is for other clients' : '';
    throw this.#overloaded(
      'memory',
      `together with the predictions under way, this one would take about ${gigabytes(held + work)} of memory, ` +
        `more than the limit of ${gigabytes(limit)} (MAX_MEMORY_BYTES)${others}`,
    );
  }

  #overloaded(reason: Refusal, message: string): OverloadedError {
    return new OverloadedError(reason, retryAfter(this.secondsUntilIdle), message);
  }
}

/** @throws InvalidRequestError if the prediction alone would take more memory than `limit` */
export function checkSize({ resultBytes, requestBytes, workBytes }: PredictionCost, limit: number): void {
  const bytes = 2 * resultBytes + requestBytes + workBytes;
  if (bytes <= limit) return;
  throw new InvalidRequestError([
    {
      path: '/architecture',
      message:
        `its prediction would take about ${gigabytes(bytes)} of memory, more than the ${gigabytes(limit)} that this ` +
        'server gives to predictions (MAX_MEMORY_BYTES): request a smaller network, or leave out post-processing, which ' +
        'holds weights whole',
    },
  ]);
}

/** Seconds for Retry-After, given the estimated seconds until all waiting predictions are computed. */
export const retryAfter = (seconds: number): number =>
  Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(seconds)));

interface PlaceEvents {
  readonly onChange: () => void;
  readonly onMade: (stages: StageLatency, total: number) => void;
}

/**
 * The place of an accepted prediction. It counts its memory until the prediction is stored and every answer with it
 * is finished.
 */
export class Place {
  readonly cost: PredictionCost;
  /** The client that first asked for the prediction. */
  readonly client: string;
  readonly #events: PlaceEvents;
  #begun: number | null = null;
  #isPending = true;
  #isSettled = false;
  #holders = 0;

  constructor(cost: PredictionCost, client: string, events: PlaceEvents) {
    this.cost = cost;
    this.client = client;
    this.#events = events;
  }

  /** True until the prediction is computed, or has failed. */
  get isPending(): boolean {
    return this.#isPending;
  }

  /** True until its turn comes. */
  get isWaiting(): boolean {
    return this.#isPending && this.#begun === null;
  }

  /** True once it is stored, or has failed. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Seconds since the prediction began; 0 before that. */
  get secondsRunning(): number {
    return this.#begun === null ? 0 : (performance.now() - this.#begun) / 1000;
  }

  /**
   * Memory of the result, in bytes. Until the result is stored, both the engine and this process hold it. After that,
   * only this process does, while answers read it.
   */
  get bytes(): number {
    if (!this.#isSettled) return 2 * this.cost.resultBytes + this.cost.requestBytes;
    return this.#holders > 0 ? this.cost.resultBytes : 0;
  }

  /** Call this when its turn comes. */
  begin(): void {
    this.#begun = performance.now();
  }

  /** Call this once it is computed. @param stages milliseconds of each stage */
  made(stages: StageLatency): void {
    this.#events.onMade(stages, 1000 * this.secondsRunning);
    this.#isPending = false;
  }

  /** Call this once it is stored or has failed. */
  settle(): void {
    this.#isPending = false;
    this.#isSettled = true;
    this.#events.onChange();
  }

  /** Counts the result's memory until the returned function is called; call that once. */
  hold(): () => void {
    this.#holders++;
    this.#events.onChange();
    return () => {
      this.#holders--;
      this.#events.onChange();
    };
  }
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(2)} GB`;
