interface Waiting {
  readonly start: () => void;
}

/** The client of tasks that no client has brought. */
const NOBODY = '';

/**
 * Runs tasks one at a time. Clients take turns, each with the task of its own that has waited longest: however many one of
 * them brings, another's next task waits for one of each client's at most.
 */
export class Queue {
  /** Those who have tasks waiting, in the order of their turns. */
  readonly #clients = new Map<string, Waiting[]>();
  #depth = 0;
  #running = false;

  /** How many wait. */
  get depth(): number {
    return this.#depth;
  }

  /** Whether a task runs now. */
  get busy(): boolean {
    return this.#running;
  }

  /**
   * @param signal takes a waiting task out of the queue; a running one has to heed it by itself
   * @param client whose task it is
   * @throws the signal's reason when it is aborted before the start
   */
  async run<T>(task: () => Promise<T>, signal: AbortSignal, client = NOBODY): Promise<T> {
    signal.throwIfAborted();
    if (this.#running) await this.#turn(signal, client);
    this.#running = true;
    try {
      return await task();
    } finally {
      this.#running = false;
      this.#next()?.start();
    }
  }

  #turn(signal: AbortSignal, client: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#remove(client, waiting);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        start: () => {
          // Held for the task that starts: another must not slip in before its continuation runs.
          this.#running = true;
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      const own = this.#clients.get(client);
      if (own) own.push(waiting);
      else this.#clients.set(client, [waiting]);
      this.#depth++;
    });
  }

  /** Takes the first task of the client whose turn it is; its next turn is behind everybody else's. */
  #next(): Waiting | undefined {
    const [turn] = this.#clients;
    if (!turn) return undefined;
    const [client, [first, ...others]] = turn;
    this.#clients.delete(client);
    if (others.length > 0) this.#clients.set(client, others);
    this.#depth--;
    return first;
  }

  #remove(client: string, waiting: Waiting): void {
    const others = this.#clients.get(client)?.filter((each) => each !== waiting) ?? [];
    if (others.length > 0) this.#clients.set(client, others);
    else this.#clients.delete(client);
    this.#depth--;
  }
}
