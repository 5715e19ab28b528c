interface Waiting {
  readonly turn: Turn;
  readonly start: () => void;
}

/** The client of tasks that were given none. */
const NOBODY = '';

/** A task's place in a queue, with the clients that wait for it. More clients can join while the task waits. */
export class Turn {
  readonly clients: Set<string>;
  /** Called with each client that joins. */
  onJoin: (client: string) => void = () => {};

  constructor(client = NOBODY) {
    this.clients = new Set([client]);
  }

  /** Adds a client that waits for the same task. The task runs at the earliest turn of any of its clients. */
  join(client: string): void {
    if (this.clients.has(client)) return;
    this.clients.add(client);
    this.onJoin(client);
  }
}

/**
 * Runs tasks one at a time. Clients take turns, and each turn runs the client's oldest task. So however many tasks one
 * client brings, the next task of another waits for at most one task of each client.
 */
export class Queue {
  /** Waiting tasks by client, in the order of the clients' turns. */
  readonly #clients = new Map<string, Set<Waiting>>();
  #depth = 0;
  #running = false;

  /** Number of waiting tasks. */
  get depth(): number {
    return this.#depth;
  }

  /** True while a task runs. */
  get busy(): boolean {
    return this.#running;
  }

  /**
   * Runs a task once it is its turn.
   *
   * @param signal removes a waiting task from the queue; a running task has to watch it itself
   * @throws the signal's reason if it is aborted before the task starts
   */
  async run<T>(task: () => Promise<T>, signal: AbortSignal, turn = new Turn()): Promise<T> {
    signal.throwIfAborted();
    if (this.#running) await this.#wait(signal, turn);
    this.#running = true;
    try {
      return await task();
    } finally {
      this.#running = false;
      this.#next()?.start();
    }
  }

  #wait(signal: AbortSignal, turn: Turn): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#remove(waiting);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        turn,
        start: () => {
          // Set for the task that starts, so that no other starts before its continuation runs.
          this.#running = true;
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#depth++;
      for (const client of turn.clients) this.#add(client, waiting);
      turn.onJoin = (client) => this.#add(client, waiting);
    });
  }

  #add(client: string, waiting: Waiting): void {
    const own = this.#clients.get(client);
    if (own) own.add(waiting);
    else this.#clients.set(client, new Set([waiting]));
  }

  /**
   * Removes and returns the oldest task of the client whose turn it is. The client's next turn comes after those of all
   * others.
   */
  #next(): Waiting | undefined {
    for (const [client, own] of this.#clients) {
      const [first] = own;
      this.#remove(first);
      if (own.size > 0) {
        this.#clients.delete(client);
        this.#clients.set(client, own);
      }
      return first;
    }
    return undefined;
  }

  #remove(waiting: Waiting): void {
    this.#depth--;
    waiting.turn.onJoin = () => {};
    for (const client of waiting.turn.clients) {
      const own = this.#clients.get(client);
      own?.delete(waiting);
      if (own?.size === 0) this.#clients.delete(client);
    }
  }
}
