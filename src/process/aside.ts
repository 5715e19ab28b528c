import { type Deferred, deferred } from '../async/deferred.js';
import { Queue, Turn } from '../async/queue.js';
import { untilAborted } from '../async/until-aborted.js';
import { Supervisor } from './supervisor.js';

/** A process that nobody has needed for so long gives its memory back. */
const IDLE_MS = 30_000;

/** The errors that a task ends with where its process cannot go on. */
export interface AsideErrors {
  /** The process found no memory for it. */
  readonly outOfMemory: () => Error;
  /** The process is gone. @param reason as a sentence */
  readonly ended: (reason: string) => Error;
  readonly timedOut: (milliseconds: number) => Error;
}

export interface AsideOptions {
  /** The module that the process runs, under its built name. */
  readonly entry: URL;
  /** How messages call the process. */
  readonly name: string;
  /** Memory for the objects of one task, in MiB. */
  readonly heapMegabytes: number;
  /** For how long one task may take, in milliseconds. */
  readonly timeoutMilliseconds: number;
  readonly errors: AsideErrors;
}

/** The result of a task: a message, and the texts that came with it. */
export interface Done<Message> {
  readonly message: Message;
  readonly texts: readonly Uint8Array[];
}

/** The process is gone. */
class EndedError extends Error {}

/** The process found no memory. */
class OutOfMemoryError extends Error {}

/** The signals by which V8 ends a process that finds no memory. */
const OUT_OF_MEMORY = /SIG(?:ABRT|TRAP|ILL)/;

/**
 * Does tasks that would hold up the event loop in a process of its own, one at a time, in which clients take turns: so
 * nobody else waits for one, and one that is made to take up all memory ends by itself. Not in a thread: V8 ends the whole
 * process where JSON.parse finds no memory in any of its threads. The process starts with the first task.
 */
export class Aside<Task, Message> {
  readonly #options: AsideOptions;
  readonly #queue = new Queue();
  readonly #supervisor: Supervisor<Message, Task>;
  /** The answer to the task that is being done. */
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
        // The next task starts another.
        return false;
      },
    });
  }

  /**
   * @param client whose task it is
   * @throws the options' errors; the signal's reason
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
      // It is at it for nobody.
      this.#supervisor.rest();
      if (limit.aborted) throw errors.timedOut(timeoutMilliseconds);
      throw error;
    } finally {
      this.#answer = null;
    }
  }
}
