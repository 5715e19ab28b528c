import { createHash } from 'node:crypto';
import { PREFIX, type RedisServers } from './redis.js';

/** Counts one more request, in a window that begins with its first request. */
const COUNT = `
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}`;

/** The longest time that a request waits to be counted. */
const PATIENCE_MS = 200;

export interface Counted {
  readonly current: number;
  /** Milliseconds until the window ends. */
  readonly ttl: number;
}

/** Counts requests for all services that share a queue, in Redis. */
export class SharedCounts {
  readonly #redis: RedisServers;
  readonly #server: { readonly isUp: boolean };

  constructor(redis: RedisServers, server: { readonly isUp: boolean }) {
    this.#redis = redis;
    this.#server = server;
  }

  /** True if Redis answers. */
  get isUp(): boolean {
    return this.#server.isUp;
  }

  /** Counts a request of a client in a window of that many milliseconds; null if Redis does not answer in time. */
  async count(client: string, milliseconds: number): Promise<Counted | null> {
    if (!this.isUp) return null;
    // Redis must not see clients' keys.
    const key = `${PREFIX}:rate:${createHash('sha256').update(client).digest('hex').slice(0, 32)}`;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, null);
    });
    const asked = this.#redis.eval(COUNT, 1, key, milliseconds).then(
      (answer) => {
        const [current, ttl] = answer as [number, number];
        return { current, ttl };
      },
      () => null,
    );
    return Promise.race([asked, late]).finally(() => clearTimeout(timer));
  }
}
