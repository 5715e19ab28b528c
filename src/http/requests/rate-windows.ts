/** Largest number of clients that are counted at the same time. Above it, the oldest windows are forgotten. */
const MAX_CLIENTS = 100_000;

interface Window {
  readonly since: number;
  count: number;
}

interface Counted {
  readonly current: number;
  /** Milliseconds until the window ends. */
  readonly ttl: number;
}

/** Counts requests for several services together. Resolves with null if that is not possible now. */
export type CountTogether = (client: string, milliseconds: number) => Promise<Counted | null>;

export interface RateWindowsOptions {
  /** Milliseconds on a monotonic clock. */
  readonly now?: () => number;
  readonly maxClients?: number;
  /** Without it, each service counts by itself. */
  readonly together?: CountTogether;
}

/**
 * Counts requests of each client in time windows, as a store of @fastify/rate-limit. The package's own store uses the
 * wall clock: if that is set back, refused clients stay refused until it has caught up.
 */
export class RateWindows {
  readonly #now: () => number;
  readonly #maxClients: number;
  readonly #together: CountTogether | undefined;
  /** Ordered by the time at which they began. */
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
    // If the shared count is not available, only this service's count applies.
    else void this.#together(client, milliseconds).then((counted) => callback(null, counted ?? own));
  }

  /** Required by the package for routes with separate limits, of which there are none. */
  child(): RateWindows {
    return this;
  }

  #count(client: string, milliseconds: number): Counted {
    const now = this.#now();
    let window = this.#windows.get(client);
    if (!window || now - window.since >= milliseconds) {
      this.#makeRoom(now, milliseconds);
      window = { since: now, count: 0 };
      // Moved to the end of the order.
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
 * Returns the part of an address that identifies a client: the owner of an IPv6 address has at least the 2^64 addresses
 * that share its first half.
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
