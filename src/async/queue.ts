interface Waiting {
  readonly turn: Turn;
  readonly start: () => void;
}

/** The client of tasks that no client has brought. */
const NOBODY = '';

/** A task's place in a queue, and those for whom it is done: they can become more while it waits. */
export class Turn {
  readonly clients: Set<string>;
  /** Called with each who joins. */
  onJoin: (client: string) => void = () => {};

  constructor(client = NOBODY) {
    this.clients = new Set([client]);
  }

  /** Another waits for the same task: it is done at the turn of whichever of them comes first. */
  join(client: string): void {
    if (this.clients.has(client)) return;
    this.clients.add(client);
    this.onJoin(client);
  }
}

/**
 * Runs tasks one at a time. Clients take turns, each with the task of its own that has waited longest: however many one of
 * them brings, another's next task waits for one of each client's at most.
 */
export class Queue {
  /** Tasks that wait, by those for whom they are done, in the order of their turns. */
  readonly #clients = new Map<string, Set<Waiting>>();
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
   * @throws the signal's reason when it is aborted before the start
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
          // Held for the task that starts: another must not slip in before its continuation runs.
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

  /** Takes the oldest task of the client whose turn it is; its next turn is behind everybody else's. */
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
