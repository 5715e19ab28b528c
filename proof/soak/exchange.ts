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

/** How long a client tries again where the service says that it cannot now. */
const PATIENCE_MS = 120_000;
const RECONNECT_MS = 100;

/** A client ends early, and rightly so: what it came for was evicted, or was lost with the engine. */
export class ExcusedError extends Error {}

/** The service did what it should not. */
export class BlamedError extends Error {}

/** What the service goes through, as far as its clients must know. */
export interface Disturbance {
  /** It was stopped, and does not listen again yet. */
  readonly restarting: boolean;
  /** How often it was stopped. */
  readonly restarts: number;
}

export interface World {
  readonly client: HttpClient;
  readonly ledger: Ledger;
  readonly shelf: Shelf;
  readonly requests: Requests;
  readonly disturbance: Disturbance;
}

/** What one client does, from its coming to its going. */
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

  /** Whether the service was stopped since this client came. */
  get sawRestart(): boolean {
    const { restarting, restarts } = this.world.disturbance;
    return restarting || restarts !== this.#restarts;
  }

  /**
   * An answer with one of the statuses. Where the service refuses for now it is asked again, as it says.
   *
   * @param what the latency is noted under
   * @throws BlamedError where the answer is none of these
   */
  async send(what: string, request: HttpRequest, ...statuses: number[]): Promise<Answer> {
    const { client, ledger } = this.world;
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.#try(what, request, client);
      if (answer && statuses.includes(answer.status) && !isInTheMaking(answer)) {
        ledger.answered(what, answer.milliseconds);
        return answer;
      }
      const wait = answer ? this.#refusal(what, answer) : RECONNECT_MS;
      if (performance.now() > end) throw new BlamedError(`${what}: refused for ${PATIENCE_MS / 1000} s`);
      await setTimeout(wait);
    }
  }

  /** A prediction's record; null where it was evicted. */
  async record(id: string): Promise<PredictionView | null> {
    const answer = await this.send('GET record', { method: 'GET', path: `/predictions/${id}` }, 200, 404);
    return answer.status === 404 ? null : (JSON.parse(answer.body.toString()) as PredictionView);
  }

  /** What must be there, unless it was evicted, or was lost while it was made again: then the client goes. */
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

  /** Has a prediction made, or found, and checks its bytes. */
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

  /** That a prediction's record tells of the bytes that came, unless there is none any more. */
  async expectRecorded(id: string, digest: string): Promise<void> {
    const { digests } = this.world.ledger;
    const record = await this.record(id);
    // Evicted, or lost with the engine while it was made again, or not stored: there are no bytes to compare.
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

  /** That what has a name is what it was when it was first seen. */
  same(name: string, value: string): void {
    const { ledger, shelf } = this.world;
    const first = shelf.first(name, value);
    if (first === undefined) return;
    ledger.digests.checked++;
    if (first === value) return;
    ledger.digests.wrong++;
    throw new BlamedError(`digest: ${name} was ${first}, and is ${value}`);
  }

  /** @throws BlamedError with what does not hold */
  expect(holds: boolean, otherwise: string): void {
    if (!holds) throw new BlamedError(otherwise);
  }

  /** Null where there is no connection, and none could be. */
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

  /** How long to wait before the next try, in milliseconds. */
  #refusal(what: string, { status, headers, body }: Answer): number {
    const seconds = Number(headers['retry-after']);
    if (![409, 429, 503].includes(status) || !(seconds >= 0)) {
      throw new BlamedError(`${what}: ${status} ${body.toString('utf8', 0, 300)}`);
    }
    // A HEAD is answered without one.
    const problem = body.byteLength > 0 ? (JSON.parse(body.toString()) as { detail: string }) : undefined;
    this.#excuse(`${status}, tried again: ${problem?.detail ?? 'no body'}`);
    return seconds * 1000;
  }

  /** Once for each client, however often it tries. */
  #excuse(message: string): void {
    if (this.#excused.has(message)) return;
    this.#excused.add(message);
    this.world.ledger.excuse(this.kind, message);
  }
}

/** Evicted and asked for again by another client: it will be there soon. */
const isInTheMaking = ({ status, headers }: Answer) => status === 409 && headers['retry-after'] !== undefined;
