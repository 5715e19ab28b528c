import { createHash, randomUUID } from 'node:crypto';
import { sortedString } from '../../../architecture/json.js';
import { NUMERICS_REVISION } from '../../../numerics-revision.js';
import type { Executor, Prediction } from '../../../predictor/executor.js';
import { PredictorUnavailableError } from '../../../predictor/executor.js';
import type { PredictorDescription } from '../../../predictor/protocol.js';
import type { Part } from '../../cost.js';
import type { RedisServers } from './redis.js';
import { PREFIX } from './redis.js';

const WORKERS = `${PREFIX}:workers`;

const ANNOUNCE_MS = 2000;
/** The interval while no worker is known, or this one is not announced yet, since requests are refused until then. */
const HURRY_MS = 100;
/** A worker that has not announced itself for this time counts as gone. */
const SILENT_MS = 10_000;

/** A worker's announcement of itself. */
export interface Announcement {
  readonly description: PredictorDescription;
  /** Memory that predictions may take up in that worker. */
  readonly memoryBytes: number;
  /** Seconds that a unit of each part's work takes in that worker. */
  readonly rates: Readonly<Partial<Record<Part, number>>>;
  readonly at: number;
}

/**
 * The name of a worker's class. Workers of one class compute the same networks under the same ids, and each class has
 * its own queue.
 */
export function className({ engine, products, ghns }: PredictorDescription): string {
  const { name, version, device } = engine;
  const all = {
    name,
    version,
    device,
    products,
    numerics: NUMERICS_REVISION,
    ghns: ghns.map(({ digest, config }) => ({ digest, config })),
  };
  return `predict-${createHash('sha256').update(sortedString(all)).digest('hex').slice(0, 8)}`;
}

/**
 * The workers that announce themselves. An api service, which computes nothing itself, plans with their description.
 */
export class Fleet implements Executor {
  readonly #redis: RedisServers;
  readonly #id = randomUUID();
  #live: Announcement[] = [];
  #description: PredictorDescription | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isUp = false;

  constructor(redis: RedisServers) {
    this.#redis = redis;
  }

  /** The description of the class with the most workers. If there are no workers, that of the last known class. */
  get description(): PredictorDescription | null {
    return this.#description;
  }

  /** True if Redis answered the last request, which is sent every two seconds. */
  get isUp(): boolean {
    return this.#isUp;
  }

  get ready(): boolean {
    return this.#description !== null;
  }

  get readySoon(): boolean {
    return true;
  }

  /** The workers of the class that `description` describes. */
  get workers(): readonly Announcement[] {
    const name = this.#description && className(this.#description);
    return this.#live.filter(({ description }) => className(description) === name);
  }

  async whenReady(): Promise<void> {
    throw new PredictorUnavailableError('an api makes no predictions');
  }

  async predict(): Promise<Prediction> {
    throw new PredictorUnavailableError('an api makes no predictions');
  }

  /**
   * Looks for workers from now on.
   *
   * @param announce describes this worker once it can work; null if this process is not a worker
   */
  start(announce: (() => Omit<Announcement, 'at'> | null) | null): void {
    const turn = async () => {
      const own = announce?.() ?? null;
      try {
        const now = await this.#now();
        if (own) await this.#redis.hset(WORKERS, this.#id, JSON.stringify({ ...own, at: now }));
        await this.#look(now);
        this.#isUp = true;
      } catch {
        this.#isUp = false;
        // Redis cannot be reached: the last known workers stay.
      }
      const isKnown = this.#live.length > 0 && (own !== null || announce === null);
      this.#timer = setTimeout(turn, isKnown ? ANNOUNCE_MS : HURRY_MS).unref();
    };
    void turn();
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#redis.hdel(WORKERS, this.#id).catch(() => {});
  }

  async #look(now: number): Promise<void> {
    const all = await this.#redis.hgetall(WORKERS);
    const live: Announcement[] = [];
    for (const [id, text] of Object.entries(all)) {
      const announcement = JSON.parse(text) as Announcement;
      if (now - announcement.at < SILENT_MS) live.push(announcement);
      else await this.#redis.hdel(WORKERS, id);
    }
    this.#live = live;
    const counts = new Map<string, number>();
    for (const { description } of live) {
      const name = className(description);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const [most] = [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
    const found = most && live.find(({ description }) => className(description) === most[0]);
    if (found) this.#description = found.description;
  }

  /** The time of the Redis server's clock, which all services share. */
  async #now(): Promise<number> {
    const time = await this.#redis.eval("return redis.call('TIME')", 1, WORKERS);
    const [seconds, microseconds] = time as [string, string];
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  }
}
