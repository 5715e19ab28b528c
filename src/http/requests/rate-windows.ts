/** Clients that are counted at the same time; beyond it those whose windows began first are forgotten. */
const MAX_CLIENTS = 100_000;

interface Window {
  readonly since: number;
  count: number;
}

interface Counted {
  readonly current: number;
  /** Milliseconds until the window is over. */
  readonly ttl: number;
}

/** Counts for several services together; null where that cannot be done now. */
export type CountTogether = (client: string, milliseconds: number) => Promise<Counted | null>;

export interface RateWindowsOptions {
  /** Milliseconds, by a clock that nobody sets. */
  readonly now?: () => number;
  readonly maxClients?: number;
  /** Without it, each service counts by itself. */
  readonly together?: CountTogether;
}

/**
 * Counts requests by client in windows, as @fastify/rate-limit wants it. The package's own store goes by the wall clock:
 * where that is set back, who was refused stays refused until it has caught up.
 */
export class RateWindows {
  readonly #now: () => number;
  readonly #maxClients: number;
  readonly #together: CountTogether | undefined;
  /** In the order in which they began. */
  readonly #windows = new Map<string, Window>();

  constructor({
    now = () => performance.now(),
    maxClients = MAX_CLIENTS,
    together,
  }: RateWindowsOptions = {}) {
    this.#now = now;
    this.#together = together;
    this.#maxClients = maxClients;
  }

  incr(
    client: string,
    callback: (error: Error | null, result?: Counted) => void,
    milliseconds: number,
  ): void {
    const own = this.#count(client, milliseconds);
    if (!this.#together) callback(null, own);
    // Where others cannot be asked, it is held to what this service has seen of it.
    else void this.#together(client, milliseconds).then((counted) => callback(null, counted ?? own));
  }

  /** Limits of a route's own; there are none. */
  child(): RateWindows {
    return this;
  }

  #count(client: string, milliseconds: number): Counted {
    const now = this.#now();
    let window = this.#windows.get(client);
    if (!window || now - window.since >= milliseconds) {
      this.#makeRoom(now, milliseconds);
      window = { since: now, count: 0 };
      // At the end of the order, where it may have been in its midst.
      this.#windows.delete(client);
      this.#windows.set(client, window);
    }
    window.count++;
    return { current: window.count, ttl: milliseconds - (now - window.since) };
  }

  #makeRoom(now: number, milliseconds: number): void {
    for (const [client, { since }] of this.#windows) {
      if (now - since < milliseconds && this.#windows.size < this.#maxClients) return;
      this.#windows.delete(client);
    }
  }
}

/**
 * An address as clients are told apart by it: whoever has an IPv6 address has at least the 2^64 that share its first half.
 */
export function clientAddress(ip: string): string {
  if (!ip.includes(':')) return ip;
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(ip)?.[1];
  if (mapped) return mapped;
  const [head, tail] = ip.split('%', 1)[0].split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
