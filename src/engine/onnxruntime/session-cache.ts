import type { InferenceSession } from './library.js';

/** Sessions by key, each made when it is first needed. One that cannot be made is tried again the next time. */
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
