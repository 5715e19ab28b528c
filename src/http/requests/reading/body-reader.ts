import { ArchitectureText } from '../../../architecture/text.js';
import { type Deferred, deferred } from '../../../async/deferred.js';
import { Queue, Turn } from '../../../async/queue.js';
import { untilAborted } from '../../../async/until-aborted.js';
import { JsonText } from '../../../json-text.js';
import { PlannedRequest } from '../../../predictions/plan-request.js';
import { RequestList } from '../../../predictions/request-list.js';
import { PredictorUnavailableError } from '../../../predictor/executor.js';
import { Supervisor } from '../../../process/supervisor.js';
import { RequestTimeoutError } from '../../answers/request-signal.js';
import { TooManyObjectsError } from './parse-body.js';
import {
  type FromReader,
  type PlanHeader,
  type ReadEntry,
  receivedError,
  type ToReader,
} from './protocol.js';

/** A process that nobody has needed for so long gives its memory back. */
const IDLE_MS = 30_000;

export interface BodyReaderOptions {
  readonly bodyLimit: number;
  /** Memory for the objects of one body, in MiB: what takes more is refused. */
  readonly heapMegabytes: number;
  /** For how long a body may be read, in milliseconds. */
  readonly timeoutMilliseconds: number;
}

interface Answer {
  readonly message: FromReader;
  readonly texts: readonly Uint8Array[];
}

/** The process that read a body is gone. */
class ReaderEndedError extends Error {}

/**
 * Reads large bodies in a process of its own, one at a time, in which clients take turns: so nobody else waits for one,
 * and one that is made to take up all memory ends no more than its own request. Not in a thread: V8 ends the whole
 * process where JSON.parse finds no memory in any of its threads.
 */
export class BodyReader {
  readonly #options: BodyReaderOptions;
  readonly #queue = new Queue();
  readonly #supervisor: Supervisor<FromReader, ToReader>;
  /** The answer to the body that is being read. */
  #answer: Deferred<Answer> | null = null;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: BodyReaderOptions) {
    this.#options = options;
    this.#supervisor = new Supervisor({
      entry: new URL('./process.js', import.meta.url),
      nodeOptions: [`--max-old-space-size=${options.heapMegabytes}`],
      name: 'the process that reads large bodies',
      onMessage: (message, _arrays, texts) => this.#answer?.resolve({ message, texts }),
      onEnd: (reason) => {
        this.#answer?.reject(endOf(reason));
        // The next body starts another.
        return false;
      },
    });
  }

  /**
   * Reads and plans the body of POST /predict.
   *
   * @param client whose body it is
   * @throws the errors of reading and planning a request; TooManyObjectsError, RequestTimeoutError; the signal's reason
   */
  async plan(
    bytes: Buffer,
    planning: NonNullable<ToReader['planning']>,
    client: string,
    signal: AbortSignal,
  ): Promise<PlannedRequest | RequestList> {
    const { message, texts } = await this.#read(bytes, planning, client, signal);
    const left = [...texts];
    if (message.type !== 'list') return requestOf(message, left);
    return new RequestList(
      message.entries.map((entry) =>
        'plan' in entry ? planned(entry.plan, left) : receivedError(entry.error),
      ),
    );
  }

  /** Checks that a body is JSON, where nothing of it is wanted. @throws as `plan` does */
  async check(bytes: Buffer, client: string, signal: AbortSignal): Promise<void> {
    const { message } = await this.#read(bytes, null, client, signal);
    if (message.type === 'request' && 'error' in message.entry) throw receivedError(message.entry.error);
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#supervisor.close();
  }

  #read(bytes: Buffer, planning: ToReader['planning'], client: string, signal: AbortSignal): Promise<Answer> {
    return this.#queue.run(
      async () => {
        clearTimeout(this.#idle);
        try {
          return await this.#readNow(bytes, planning, signal);
        } finally {
          this.#idle = setTimeout(() => this.#supervisor.rest(), IDLE_MS).unref();
        }
      },
      signal,
      new Turn(client),
    );
  }

  async #readNow(bytes: Buffer, planning: ToReader['planning'], signal: AbortSignal): Promise<Answer> {
    const { bodyLimit, timeoutMilliseconds } = this.#options;
    if (this.#supervisor.isClosed) throw new PredictorUnavailableError('the service is shutting down');
    this.#supervisor.start();
    const answer = deferred<Answer>();
    this.#answer = answer;
    const limit = AbortSignal.timeout(timeoutMilliseconds);
    void this.#supervisor.send({ bodyLimit, planning }, [], [bytes]);
    try {
      return await untilAborted(answer.promise, AbortSignal.any([signal, limit]));
    } catch (error) {
      if (error instanceof ReaderEndedError)
        throw new PredictorUnavailableError(`${error.message}; try again`);
      // It is at it for nobody.
      if (!(error instanceof TooManyObjectsError)) this.#supervisor.rest();
      if (limit.aborted) throw new RequestTimeoutError(timeoutMilliseconds);
      throw error;
    } finally {
      this.#answer = null;
    }
  }
}

/** The signals by which V8 ends a process that finds no memory. */
const OUT_OF_MEMORY = /SIG(?:ABRT|TRAP|ILL)/;

function endOf(reason: string): Error {
  if (OUT_OF_MEMORY.test(reason)) {
    return new TooManyObjectsError('The body takes more memory to read than there is for one.');
  }
  return new ReaderEndedError(reason);
}

function requestOf(message: FromReader, texts: Uint8Array[]): PlannedRequest {
  const entry: ReadEntry | null = message.type === 'request' ? message.entry : null;
  if (entry && 'plan' in entry) return planned(entry.plan, texts);
  throw entry ? receivedError(entry.error) : new Error(`a body's reader answered with ${message.type}`);
}

/** @param texts of this plan and those behind it, from which its own are taken */
function planned({ record, cost, work, hasKeras }: PlanHeader, texts: Uint8Array[]): PlannedRequest {
  const own = texts.splice(0, hasKeras ? 3 : 2).map((text) => new JsonText(Buffer.from(text.buffer)));
  const [form, graph, keras] = own;
  const requestBytes = own.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return new PlannedRequest({
    record,
    cost: { ...cost, requestBytes },
    work: { ...work, architecture: new ArchitectureText(form, graph, keras ?? null) },
  });
}
