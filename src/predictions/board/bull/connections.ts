import { deferred } from '../../../async/deferred.js';
import { untilSilent } from '../../../async/until-silent.js';
import { connect, type RedisServers } from './redis.js';

/** A service's connections to Redis. */
export class Connections {
  /** For commands that fail soon if Redis cannot be reached. */
  readonly redis: RedisServers;
  /** For commands that wait for as long as it takes. */
  readonly blocking: RedisServers;
  /** For messages from other services. */
  readonly subscriber: RedisServers;
  readonly #left = deferred<void>();
  #isLeft = false;
  #isClosed = false;

  constructor(url: string) {
    this.redis = connect(url);
    this.blocking = connect(url, { isBlocking: true });
    this.subscriber = connect(url, { isBlocking: true });
  }

  /** True once Redis is given up. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /** Resolves once Redis is given up. */
  get left(): Promise<void> {
    return this.#left.promise;
  }

  /** From now on, Redis is given up if it does not answer. */
  async leaveIfSilent(): Promise<void> {
    const isSilent = await untilSilent(
      () => this.redis.ping(),
      () => this.#isClosed,
    );
    if (isSilent) this.leave();
  }

  /** Gives up Redis: all commands that wait for an answer fail. */
  leave(): void {
    this.#isLeft = true;
    this.close();
    this.#left.resolve();
  }

  close(): void {
    this.#isClosed = true;
    for (const servers of [this.redis, this.blocking, this.subscriber]) servers.disconnect();
  }
}
