import { Supervisor } from '../process/supervisor.js';
import { elements, type TensorSource } from '../tensor/tensor.js';
import type { FromStatisticsProcess, ToStatisticsProcess } from './protocol.js';
import type { Statistics, TensorStatistics } from './schema.js';

/**
 * Time in which a tensor that no client waits for any more may still be finished: starting a new process takes as long.
 */
const GRACE_MS = 1000;

/** Largest number of times that statistics are started again because others in the process were given up. */
const MAX_ATTEMPTS = 4;

/** The process died, or was closed, before the statistics were computed. The same request may succeed later. */
export class StatisticsUnavailableError extends Error {}

/** The process was ended because no client waited for its work. */
class GivenUpError extends StatisticsUnavailableError {}

/** The life of one process, from its start to its end. */
interface Run {
  /** The clients that wait for an answer, by network. Networks are computed one at a time. */
  readonly waiting: Map<number, Waiting>;
  /** The networks of all messages without an answer. The process is working on the first. */
  readonly sent: number[];
  isGivenUp: boolean;
  isOver: boolean;
}

interface Waiting {
  readonly resolve: (answer: FromStatisticsProcess) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Computes statistics in a separate process, which starts when it is first needed, and again after it has died. It is
 * not a thread because onnxruntime, which computes the products, can abort a process if a second thread loads it.
 */
export class StatisticsWorker {
  readonly #supervisor = new Supervisor<FromStatisticsProcess, ToStatisticsProcess>({
    entry: new URL('./process.js', import.meta.url),
    name: "the statistics' process",
    onMessage: (answer) => this.#receive(answer),
    onEnd: (reason) => {
      this.#ended(reason);
      // The next request starts another process.
      return false;
    },
  });
  #run: Run | null = null;
  #nextNetwork = 1;

  /**
   * Computes the statistics of each tensor, in their order, and of all together. Reads one block at a time.
   *
   * @throws the signal's reason once it is aborted; StatisticsUnavailableError; the errors of reading a block
   */
  async compute(tensors: readonly TensorSource[], signal?: AbortSignal): Promise<Statistics> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#compute(tensors, signal);
      } catch (error) {
        if (!(error instanceof GivenUpError) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async #compute(tensors: readonly TensorSource[], signal?: AbortSignal): Promise<Statistics> {
    signal?.throwIfAborted();
    const run = this.#start();
    const network = this.#nextNetwork++;
    const statistics: TensorStatistics[] = [];
    try {
      for (const tensor of tensors) {
        const { name, shape, blockShape } = tensor;
        const block = await tensor.readBlock(0, elements(blockShape));
        const message = { type: 'tensor', network, name, shape, blockShape } as const;
        statistics.push((await this.#ask(run, message, 'tensor', [block], signal)).statistics);
      }
    } catch (error) {
      // The process can drop its data about the network, since no one waits for the answer.
      this.#send(run, { type: 'end', network });
      this.#giveUp(run, network);
      throw error;
    }
    const whole = await this.#ask(run, { type: 'end', network }, 'network', [], signal);
    return { network: whole.statistics, tensors: statistics };
  }

  /** Ends the process until it is needed again. Only for when nothing is being computed. */
  rest(): void {
    if (this.#run) this.#run.isOver = true;
    this.#run = null;
    this.#supervisor.rest();
  }

  /** Ends the process. Running computations fail. */
  close(): Promise<void> {
    return this.#supervisor.close();
  }

  /**
   * One tensor can take minutes. A process that computes for no client is ended, to make room for work that clients
   * wait for.
   */
  #giveUp(run: Run, network: number): void {
    setTimeout(() => {
      if (run.isOver || !run.sent.includes(network)) return;
      if (run.sent[0] === network) {
        run.isGivenUp = true;
        this.#supervisor.end();
      } else {
        this.#giveUp(run, network);
      }
    }, GRACE_MS).unref();
  }

  #start(): Run {
    if (this.#supervisor.isClosed) throw new StatisticsUnavailableError('the service is shutting down');
    this.#run ??= { waiting: new Map(), sent: [], isGivenUp: false, isOver: false };
    this.#supervisor.start();
    return this.#run;
  }

  #receive(answer: FromStatisticsProcess): void {
    const run = this.#run;
    if (!run) return;
    const { network } = answer;
    run.sent.splice(run.sent.indexOf(network), 1);
    if (answer.type === 'failed') run.waiting.get(network)?.reject(new Error(answer.reason));
    else run.waiting.get(network)?.resolve(answer);
  }

  #ended(reason: string): void {
    const run = this.#run;
    if (!run) return;
    this.#run = null;
    run.isOver = true;
    for (const { reject } of run.waiting.values()) reject(endOf(run, reason));
  }

  /** Sends a message and waits for its answer until the signal is aborted. */
  async #ask<T extends FromStatisticsProcess['type']>(
    run: Run,
    message: ToStatisticsProcess,
    type: T,
    arrays: readonly Float32Array[],
    signal: AbortSignal | undefined,
  ): Promise<Extract<FromStatisticsProcess, { type: T }>> {
    signal?.throwIfAborted();
    if (run.isOver) throw endOf(run, "the statistics' process ended");
    const { waiting } = run;
    const { network } = message;
    let abort = () => {};
    const answer = new Promise<FromStatisticsProcess>((resolve, reject) => {
      waiting.set(network, { resolve, reject });
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
    });
    this.#send(run, message, arrays);
    try {
      const answered = await answer;
      if (!isOfType(answered, type))
        throw new Error(`the statistics' process answered with a ${answered.type}`);
      return answered;
    } finally {
      waiting.delete(network);
      signal?.removeEventListener('abort', abort);
    }
  }

  #send(run: Run, message: ToStatisticsProcess, arrays?: readonly Float32Array[]): void {
    if (run.isOver) return;
    run.sent.push(message.network);
    void this.#supervisor.send(message, arrays);
  }
}

/** Returns the error for those who wait for a process that has ended. */
const endOf = (run: Run, reason: string) =>
  run.isGivenUp ? new GivenUpError(reason) : new StatisticsUnavailableError(reason);

function isOfType<T extends FromStatisticsProcess['type']>(
  answer: FromStatisticsProcess,
  type: T,
): answer is Extract<FromStatisticsProcess, { type: T }> {
  return answer.type === type;
}
