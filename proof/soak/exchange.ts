import { setTimeout } from 'node:timers/promises';
import type { PredictionView } from '../../src/routes/predictions/view.js';
import {
  type Answer,
  CutShortError,
  type HttpClient,
  type HttpRequest,
  SilenceError,
} from './http-client.js';
import type { Ledger } from './ledger.js';
import type { Random } from './random.js';
import type { PredictRequest, Requests } from './requests.js';
import type { Shelf } from './shelf.js';

/** Time for which a client tries again while the service refuses temporarily. */
const PATIENCE_MS = 120_000;
const RECONNECT_MS = 100;

/** A client ends early for an accepted reason: its prediction was evicted, or lost with the engine. */
export class ExcusedError extends Error {}

/** The service behaved incorrectly. */
export class BlamedError extends Error {}

/** The disturbances of the service that its clients must know. */
export interface Disturbance {
  /** True while the service is stopped and does not listen again yet. */
  readonly restarting: boolean;
  /** Number of times that the service was stopped. */
  readonly restarts: number;
}

export interface World {
  readonly client: HttpClient;
  readonly ledger: Ledger;
  readonly shelf: Shelf;
  readonly requests: Requests;
  readonly disturbance: Disturbance;
}

/** The actions of one client, from its start to its end. */
export class Exchange {
  readonly kind: string;
  readonly random: Random;
  readonly world: World;
  readonly #restarts: number;
  readonly #excused = new Set<string>();

  constructor(kind: string, random: Random, world: World) {
    this.kind = kind;
    this.random = random;
    this.world = world;
    this.#restarts = world.disturbance.restarts;
  }

  /** True if the service was stopped since this client started. */
  get sawRestart(): boolean {
    const { restarting, restarts } = this.world.disturbance;
    return restarting || restarts !== this.#restarts;
  }

  /**
   * Sends a request until the answer has one of the statuses. If the service refuses temporarily, the request is
   * repeated after the time in the answer.
   *
   * @param what the name under which the latency is recorded
   * @throws BlamedError if the answer has another status
   */
  async send(what: string, request: HttpRequest, ...statuses: number[]): Promise<Answer> {
    const { client, ledger } = this.world;
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.#try(what, request, client);
      if (answer && statuses.includes(answer.status) && !isBeingMade(answer)) {
        ledger.answered(what, answer.milliseconds);
        return answer;
      }
      const wait = answer ? this.#refusal(what, answer) : RECONNECT_MS;
      if (performance.now() > end) throw new BlamedError(`${what}: refused for ${PATIENCE_MS / 1000} s`);
      await setTimeout(wait);
    }
  }

  /** Returns a prediction's record; null if it was evicted. */
  async record(id: string): Promise<PredictionView | null> {
    const answer = await this.send('GET record', { method: 'GET', path: `/predictions/${id}` }, 200, 404);
    return answer.status === 404 ? null : (JSON.parse(answer.body.toString()) as PredictionView);
  }

  /**
   * Fetches a resource that must exist, unless it was evicted or lost while it was computed again. In these cases the
   * client ends.
   */
  async fetch(
    what: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    status = 200,
  ): Promise<Answer> {
    const answer = await this.send(what, { method: 'GET', path, headers }, status, 404, 409);
    if (answer.status === status) return answer;
    if (answer.status === 404) throw new ExcusedError('404: evicted meanwhile');
    const record = await this.record(path.split('/')[2]);
    if (record?.status !== 'failed' || record.error?.status === 503) {
      throw new ExcusedError('409: evicted, and lost while it was made again');
    }
    throw new BlamedError(`${what}: 409 ${answer.body.toString()}`);
  }

  /** Requests a prediction, which is computed or found, and checks its bytes. */
  async predict(request: PredictRequest): Promise<{ readonly id: string; readonly answer: Answer }> {
    const { shelf } = this.world;
    const what = request.isFresh ? 'POST /predict, new' : 'POST /predict, again';
    const answer = await this.send(what, { method: 'POST', path: '/predict', body: request.body }, 200);
    const id = answer.headers.location?.split('/').at(-1) ?? '';
    this.expect(`${answer.body.byteLength}` === answer.headers['content-length'], `${what}: another length`);
    this.same(`the id of ${request.key}`, id);
    this.same(`the weights of ${request.key}`, answer.digest);
    shelf.add({ id, digest: answer.digest, request });
    return { id, answer };
  }

  /** Checks that a prediction's record has the digest of the received bytes, unless the record is gone. */
  async expectRecorded(id: string, digest: string): Promise<void> {
    const { digests } = this.world.ledger;
    const record = await this.record(id);
    // Evicted, lost with the engine while it was computed again, or not stored: there are no bytes to compare.
    if (record === null || record.error?.status === 503) return;
    this.expect(record.status === 'succeeded', `a prediction is ${record.status}: ${record.error?.detail}`);
    if (record.digest === null) {
      // Evicted while its digest was computed for the record.
      this.expect((await this.record(id))?.digest !== null, 'a record says no digest, again and again');
      return;
    }
    digests.checked++;
    if (record.digest === digest) return;
    digests.wrong++;
    throw new BlamedError(
      `digest: of ${record.architecture.name} the record says ${record.digest}, it is ${digest}`,
    );
  }

  /** Checks that the named value is the same as when it was first seen. */
  same(name: string, value: string): void {
    const { ledger, shelf } = this.world;
    const first = shelf.first(name, value);
    if (first === undefined) return;
    ledger.digests.checked++;
    if (first === value) return;
    ledger.digests.wrong++;
    throw new BlamedError(`digest: ${name} was ${first}, and is ${value}`);
  }

  /** @throws BlamedError with the message, if the condition does not hold */
  expect(holds: boolean, otherwise: string): void {
    if (!holds) throw new BlamedError(otherwise);
  }

  /** Returns null if there is no connection because the service is stopped. */
  async #try(what: string, request: HttpRequest, client: HttpClient): Promise<Answer | null> {
    try {
      return await client.send(request);
    } catch (error) {
      const message = `${what}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`;
      if (error instanceof CutShortError) throw new BlamedError(`${what}: the answer was cut short`);
      if (error instanceof SilenceError || !this.sawRestart) throw new BlamedError(message);
      this.#excuse('no connection while the service is restarted, tried again');
      return null;
    }
  }

  /** Returns the milliseconds to wait before the next try. */
  #refusal(what: string, { status, headers, body }: Answer): number {
    const seconds = Number(headers['retry-after']);
    if (![409, 429, 503].includes(status) || !(seconds >= 0)) {
      throw new BlamedError(`${what}: ${status} ${body.toString('utf8', 0, 300)}`);
    }
    // The answer to a HEAD has no body.
    const problem = body.byteLength > 0 ? (JSON.parse(body.toString()) as { detail: string }) : undefined;
    this.#excuse(`${status}, tried again: ${problem?.detail ?? 'no body'}`);
    return seconds * 1000;
  }

  /** Records an excuse once for each client, however often it tries. */
  #excuse(message: string): void {
    if (this.#excused.has(message)) return;
    this.#excused.add(message);
    this.world.ledger.excuse(this.kind, message);
  }
}

/** Returns true if the weights were evicted and are being computed again for another client. */
const isBeingMade = ({ status, headers }: Answer) => status === 409 && headers['retry-after'] !== undefined;
