import { PlannedRequest } from '../../../predictions/plan-request.js';
import { receivedPlan, type SentPlan } from '../../../predictions/planning/sent-plan.js';
import { RequestList } from '../../../predictions/request-list.js';
import { PredictorUnavailableError } from '../../../predictor/executor.js';
import { Aside, type Done } from '../../../process/aside.js';
import { RequestTimeoutError } from '../../answers/request-signal.js';
import { TooManyObjectsError } from './parse-body.js';
import { type FromReader, type ReadEntry, receivedError, type ToReader } from './protocol.js';

export interface BodyReaderOptions {
  readonly bodyLimit: number;
  /** Size of the heap for the objects of one body, in MiB. Bodies that need more are refused. */
  readonly heapMegabytes: number;
  /** Time limit for reading a body, in milliseconds. */
  readonly timeoutMilliseconds: number;
}

/**
 * Reads large bodies in a separate process, so that other requests do not wait, and a body that exhausts the memory
 * ends only its own request.
 */
export class BodyReader {
  readonly #bodyLimit: number;
  readonly #aside: Aside<ToReader, FromReader>;

  constructor({ bodyLimit, heapMegabytes, timeoutMilliseconds }: BodyReaderOptions) {
    this.#bodyLimit = bodyLimit;
    this.#aside = new Aside({
      entry: new URL('./process.js', import.meta.url),
      name: 'the process that reads large bodies',
      heapMegabytes,
      timeoutMilliseconds,
      errors: {
        outOfMemory: () =>
          new TooManyObjectsError('Reading the body takes more memory than one body may use.'),
        ended: (reason) => new PredictorUnavailableError(reason),
        timedOut: (milliseconds) => new RequestTimeoutError(milliseconds),
      },
    });
  }

  /**
   * Reads and plans the body of POST /predict.
   *
   * @param client the client that sent the body
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

  /** Checks that a body is JSON, if its content is not needed. @throws as `plan` does */
  async check(bytes: Buffer, client: string, signal: AbortSignal): Promise<void> {
    const { message } = await this.#read(bytes, null, client, signal);
    if (message.type === 'request' && 'error' in message.entry) throw receivedError(message.entry.error);
  }

  async close(): Promise<void> {
    await this.#aside.close();
  }

  #read(
    bytes: Buffer,
    planning: ToReader['planning'],
    client: string,
    signal: AbortSignal,
  ): Promise<Done<FromReader>> {
    return this.#aside.run({ bodyLimit: this.#bodyLimit, planning }, [bytes], client, signal);
  }
}

function requestOf(message: FromReader, texts: Uint8Array[]): PlannedRequest {
  const entry: ReadEntry | null = message.type === 'request' ? message.entry : null;
  if (entry && 'plan' in entry) return planned(entry.plan, texts);
  throw entry ? receivedError(entry.error) : new Error(`a body's reader answered with ${message.type}`);
}

/** @param texts the texts of this plan and of those after it; this plan's are removed */
function planned(sent: SentPlan, texts: Uint8Array[]): PlannedRequest {
  return new PlannedRequest(receivedPlan(sent, texts));
}
