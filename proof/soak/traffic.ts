import { setTimeout } from 'node:timers/promises';
import { BlamedError, Exchange, ExcusedError, type World } from './exchange.js';
import { EXCHANGES } from './exchanges/exchanges.js';
import { Random } from './random.js';

export interface TrafficOptions {
  /** Average number of new clients per second. */
  readonly rate: number;
  /** Largest number of clients at once. */
  readonly concurrency: number;
  readonly seed: number;
}

/** Clients that arrive independently of each other. Each does one thing. */
export class Traffic {
  readonly #world: World;
  readonly #options: TrafficOptions;
  readonly #arrivals: Random;
  readonly #busy = new Set<Promise<void>>();
  #count = 0;
  #arriving: Promise<void> | null = null;
  #stopped = false;

  constructor(world: World, options: TrafficOptions) {
    this.#world = world;
    this.#options = options;
    this.#arrivals = new Random(options.seed, 'arrivals');
  }

  start(): void {
    this.#stopped = false;
    this.#arriving = this.#arrive();
  }

  /** Stops new clients from arriving. */
  stop(): void {
    this.#stopped = true;
  }

  /** Stops new clients from arriving. Resolves when all clients have finished and closed their connections. */
  async drain(): Promise<void> {
    this.stop();
    await this.#arriving;
    await Promise.all(this.#busy);
    this.#world.client.close();
  }

  async #arrive(): Promise<void> {
    const { rate, concurrency } = this.#options;
    while (!this.#stopped) {
      await setTimeout(1000 * this.#arrivals.gap(1 / rate));
      while (this.#busy.size >= concurrency) await Promise.race(this.#busy);
      if (this.#stopped) return;
      const client = this.#serve().finally(() => this.#busy.delete(client));
      this.#busy.add(client);
    }
  }

  async #serve(): Promise<void> {
    const random = new Random(this.#options.seed, `client ${this.#count++}`);
    const { name, run } = random.weighted(EXCHANGES);
    await serve(this.#world, name, random, run);
  }
}

/** Runs one client that does one thing. The outcome goes into the ledger. */
export async function serve(
  world: World,
  name: string,
  random: Random,
  run: (exchange: Exchange) => Promise<unknown>,
): Promise<void> {
  const { ledger } = world;
  try {
    await run(new Exchange(name, random, world));
    ledger.finished(name);
  } catch (error) {
    if (error instanceof ExcusedError) ledger.excuse(name, error.message);
    else if (error instanceof BlamedError) ledger.blame(name, error.message);
    else ledger.blame(name, (error as Error).stack ?? String(error));
  }
}
