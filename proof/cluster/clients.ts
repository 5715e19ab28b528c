import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { tinyGraph } from '../../test/architecture/fixtures.js';
import type { ServiceProcess } from '../../test/clients/service-process.js';
import type { Fleet } from './fleet.js';

/** Time after which a request without an answer counts as lost. */
const LOST_MS = 120_000;

/** Delay of a client that is asked to try again. */
const AGAIN_MS = 200;

/** Pages of the newest predictions that are read each time, and the number of such reads before one of all pages. */
const NEWEST_PAGES = 3;
const ALL_EACH = 10;

/** Time of silence after which a connection is given up, as clients with a time limit do. */
const SILENT_MS = 15_000;

/** Clients of a fleet, with their observations. */
export class Clients {
  /** Faults that must not occur, with a line for each. */
  readonly faults: string[] = [];
  /** Time until each answer, including retries, in milliseconds. */
  readonly times: number[] = [];
  answered = 0;
  refused = 0;
  broken = 0;
  readonly #fleet: Fleet;
  readonly #bodies = new Map<number, string>();
  readonly #promised = new Set<string>();
  #next: number;

  constructor(fleet: Fleet, firstSeed: number) {
    this.#fleet = fleet;
    this.#next = firstSeed;
  }

  /** The longest time until an answer, in milliseconds. */
  get slowest(): number {
    return this.times.reduce((longest, time) => Math.max(longest, time), 0);
  }

  /** A seed that no client has used. */
  get fresh(): number {
    return this.#next++;
  }

  /** Sends a request to any of the apis, until it is answered. */
  async ask(seed: number, isPromised = false): Promise<void> {
    const began = performance.now();
    while (performance.now() - began < LOST_MS) {
      if (await this.#try(seed, isPromised)) {
        this.answered++;
        this.times.push(performance.now() - began);
        return;
      }
      await setTimeout(AGAIN_MS);
    }
    this.faults.push(`network ${seed} was never answered`);
  }

  /**
   * Requests new networks with several clients at once until the work is done. Each fifth request is asynchronous, and
   * its weights are fetched later.
   */
  async while(work: () => Promise<void>, clients = 4): Promise<void> {
    let isOver = false;
    const loops = Array.from({ length: clients }, async () => {
      while (!isOver) {
        const seed = this.fresh;
        await this.ask(seed, seed % 5 === 0);
      }
    });
    await work().finally(() => {
      isOver = true;
    });
    await Promise.all(loops);
    for (const path of this.#promised) await this.#fetchPromised(path);
    this.#promised.clear();
  }

  /**
   * Reads the list repeatedly while the work is done: mostly the newest pages, and sometimes all of it. Listed
   * predictions must be complete, and listed once.
   */
  async listing(work: () => Promise<void>): Promise<number> {
    let isOver = false;
    let checked = 0;
    const loop = (async () => {
      for (let time = 0; !isOver; time++) {
        const pages = time % ALL_EACH === 0 ? Number.POSITIVE_INFINITY : NEWEST_PAGES;
        checked += await this.#checkList(pages).catch(() => 0);
        await setTimeout(AGAIN_MS);
      }
    })();
    await work().finally(() => {
      isOver = true;
    });
    await loop;
    return checked;
  }

  /** The address of one of the apis. */
  get url(): string {
    return this.#api.url;
  }

  get #api(): ServiceProcess {
    const { apis } = this.#fleet;
    return apis[Math.floor(Math.random() * apis.length)];
  }

  /** Returns the whole answer of one of the apis; null if the connection breaks. Unexpected answers are faults. */
  async fetch(path: string, init: RequestInit = {}): Promise<{ response: Response; body: Buffer } | null> {
    const api = this.#api;
    try {
      const response = await fetch(api.url + path, { ...init, signal: AbortSignal.timeout(SILENT_MS) });
      const body = Buffer.from(await response.arrayBuffer());
      if (response.ok) return { response, body };
      if (response.status !== 503 && response.status !== 409) {
        const told = body.toString().slice(0, 200);
        const logged = api.errors.at(-1) ?? '';
        this.faults.push(`${init.method ?? 'GET'} ${path}: ${response.status} ${told} ${logged}`);
      }
      this.refused++;
      return { response, body };
    } catch {
      // Its service was killed, or its link is cut.
      this.broken++;
      return null;
    }
  }

  async #try(seed: number, isPromised: boolean): Promise<boolean> {
    const answer = await this.fetch('/predict', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(isPromised && { prefer: 'respond-async' }) },
      body: JSON.stringify({ architecture: tinyGraph(), seed }),
    });
    if (!answer?.response.ok) return false;
    const { response, body } = answer;
    if (isPromised) {
      this.#promised.add(response.headers.get('location')!);
      return true;
    }
    const seen = `${response.headers.get('etag')} ${sha256(body)}`;
    const before = this.#bodies.get(seed);
    if (before !== undefined && before !== seen)
      this.faults.push(`network ${seed} has two bodies: ${before}, ${seen}`);
    this.#bodies.set(seed, seen);
    return true;
  }

  async #fetchPromised(path: string): Promise<void> {
    const began = performance.now();
    while (performance.now() - began < LOST_MS) {
      const answer = await this.fetch(path);
      if (answer?.response.ok) {
        const { status } = JSON.parse(answer.body.toString()) as { status: string };
        if (status === 'succeeded' || status === 'failed') return;
      }
      await setTimeout(AGAIN_MS);
    }
    this.faults.push(`${path} was promised, and never came`);
  }

  async #checkList(pages: number): Promise<number> {
    const seen = new Set<string>();
    let cursor: string | null = '';
    for (let page = 0; page < pages && cursor !== null; page++) {
      const answer = await this.fetch(`/predictions?limit=100${cursor && `&cursor=${cursor}`}`);
      if (!answer?.response.ok) return 0;
      const { predictions, next_cursor } = JSON.parse(answer.body.toString()) as {
        predictions: { id: string; status: string; digest: string | null }[];
        next_cursor: string | null;
      };
      for (const { id, status, digest } of predictions) {
        if (seen.has(id)) this.faults.push(`${id} is listed twice`);
        seen.add(id);
        // Only some of each page, so that the apis remain free for the clients.
        if (status !== 'succeeded' || Math.random() > 0.05) continue;
        const weights = await this.fetch(`/predictions/${id}/weights`);
        if (weights?.response.ok && digest !== null && `sha256:${sha256(weights.body)}` !== digest)
          this.faults.push(`${id} is listed and not whole`);
      }
      cursor = next_cursor;
    }
    return seen.size;
  }
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
