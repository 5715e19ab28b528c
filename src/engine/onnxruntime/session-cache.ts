import type { InferenceSession } from './library.js';

/**
 * A cache of sessions by key. A session is made when it is first needed. If that fails, the next request tries again.
 */
export class SessionCache {
  readonly #sessions = new Map<string, Promise<InferenceSession>>();

  get(key: string, create: () => Promise<InferenceSession>): Promise<InferenceSession> {
    let session = this.#sessions.get(key);
    if (!session) {
      session = create();
      this.#sessions.set(key, session);
      session.catch(() => this.#sessions.delete(key));
    }
    return session;
  }

  async release(): Promise<void> {
    const sessions = await Promise.allSettled(this.#sessions.values());
    this.#sessions.clear();
    for (const result of sessions) if (result.status === 'fulfilled') await result.value.release();
  }
}
