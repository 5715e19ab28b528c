import { type Deferred, deferred } from '../async/deferred.js';
import { Queue, Turn } from '../async/queue.js';
import { untilAborted } from '../async/until-aborted.js';
import { Supervisor } from './supervisor.js';

/** A process without a task for this long is ended, to free its memory. */
const IDLE_MS = 30_000;

/** Makes the errors that a task rejects with if its process cannot finish it. */
export interface AsideErrors {
  /** The process ran out of memory. */
  readonly outOfMemory: () => Error;
  /** The process has ended. @param reason as a sentence */
  readonly ended: (reason: string) => Error;
  readonly timedOut: (milliseconds: number) => Error;
}

export interface AsideOptions {
  /** The module that the process runs, under its built name. */
  readonly entry: URL;
  /** Name of the process in messages. */
  readonly name: string;
  /** Size of the heap for the objects of one task, in MiB. */
  readonly heapMegabytes: number;
  /** Time limit for one task, in milliseconds. */
  readonly timeoutMilliseconds: number;
  readonly errors: AsideErrors;
}

/** The result of a task: a message, and the texts that came with it. */
export interface Done<Message> {
  readonly message: Message;
  readonly texts: readonly Uint8Array[];
}

/** The process has ended. */
class EndedError extends Error {}

/** The process ran out of memory. */
class OutOfMemoryError extends Error {}

/** The signals with which V8 ends a process that runs out of memory. */
const OUT_OF_MEMORY = /SIG(?:ABRT|TRAP|ILL)/;

/**
 * Runs tasks that would block the event loop in a separate process, one at a time. Clients take turns. So other
 * requests do not wait for a task, and a task that exhausts the memory ends only its own process. It is not a thread
 * because V8 ends the whole process when JSON.parse runs out of memory in any thread. The process starts with the first
 * task.
 */
export class Aside<Task, Message> {
  readonly #options: AsideOptions;
  readonly #queue = new Queue();
  readonly #supervisor: Supervisor<Message, Task>;
  /** The answer to the running task. */
  #answer: Deferred<Done<Message>> | null = null;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: AsideOptions) {
    this.#options = options;
    this.#supervisor = new Supervisor({
      entry: options.entry,
      nodeOptions: [`--max-old-space-size=${options.heapMegabytes}`],
      name: options.name,
      onMessage: (message, _arrays, texts) => this.#answer?.resolve({ message, texts }),
      onEnd: (reason) => {
        const isOutOfMemory = OUT_OF_MEMORY.test(reason);
        this.#answer?.reject(isOutOfMemory ? new OutOfMemoryError() : new EndedError(reason));
        // The next task starts a new process.
        return false;
      },
    });
  }

  /**
   * Runs a task.
   *
   * @param client the client that the task belongs to
   * @throws the errors of the options; the signal's reason
   */
  run(task: Task, texts: readonly Uint8Array[], client: string, signal: AbortSignal): Promise<Done<Message>> {
    return this.#queue.run(
      async () => {
        clearTimeout(this.#idle);
        try {
          return await this.#runNow(task, texts, signal);
        } finally {
          this.#idle = setTimeout(() => this.#supervisor.rest(), IDLE_MS).unref();
        }
      },
      signal,
      new Turn(client),
    );
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#supervisor.close();
  }

  async #runNow(task: Task, texts: readonly Uint8Array[], signal: AbortSignal): Promise<Done<Message>> {
    const { timeoutMilliseconds, errors } = this.#options;
    if (this.#supervisor.isClosed) throw errors.ended('the service is shutting down');
    this.#supervisor.start();
    const answer = deferred<Done<Message>>();
    this.#answer = answer;
    const limit = AbortSignal.timeout(timeoutMilliseconds);
    void this.#supervisor.send(task, [], texts);
    try {
      return await untilAborted(answer.promise, AbortSignal.any([signal, limit]));
    } catch (error) {
      if (error instanceof EndedError) throw errors.ended(`${error.message}; try again`);
      if (error instanceof OutOfMemoryError) throw errors.outOfMemory();
      // The process still works on a task that no one waits for.
      this.#supervisor.rest();
      if (limit.aborted) throw errors.timedOut(timeoutMilliseconds);
      throw error;
    } finally {
      this.#answer = null;
    }
  }
}
