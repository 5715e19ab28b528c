import type { ChildProcess } from 'node:child_process';
import type { Channel } from '../process/channel.js';
import { endChild, startChild } from '../process/child.js';
import { elements, type TensorSource } from '../tensor/tensor.js';
import type { FromStatisticsProcess, ToStatisticsProcess } from './protocol.js';
import type { Statistics, TensorStatistics } from './schema.js';

/** A tensor that nobody waits for any more may be finished within this: a new process takes as long to start. */
const GRACE_MS = 1000;

/** How often statistics are begun again because of others that were given up. */
const MAX_ATTEMPTS = 4;

/** The process died, or was closed, before it was done: the same request may succeed later. */
export class StatisticsUnavailableError extends Error {}

/** The process was ended, since it was busy for nobody. */
class GivenUpError extends StatisticsUnavailableError {}

interface Running {
  readonly child: ChildProcess;
  readonly channel: Channel<FromStatisticsProcess, ToStatisticsProcess>;
  /** Who waits for an answer, by network: one at a time. */
  readonly waiting: Map<number, Waiting>;
  /** The networks of all that it was sent and has not answered: it is at the first. */
  readonly sent: number[];
  isGivenUp: boolean;
}

interface Waiting {
  readonly resolve: (answer: FromStatisticsProcess) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Computes statistics in a process of their own, which is started when it is first needed and anew when it died. Not in
 * a thread: onnxruntime, which multiplies the matrices, can abort the process whose second thread loads it.
 */
export class StatisticsWorker {
  #running: Running | null = null;
  #closed = false;
  #nextNetwork = 1;

  /**
   * Statistics of each tensor, in their order, and of all together. Reads one block at a time.
   *
   * @throws the signal's reason once it is aborted; StatisticsUnavailableError; what reading a block throws
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
    const running = this.#start();
    const network = this.#nextNetwork++;
    const statistics: TensorStatistics[] = [];
    try {
      for (const tensor of tensors) {
        const { name, shape, blockShape } = tensor;
        const block = await tensor.readBlock(0, elements(blockShape));
        const message = { type: 'tensor', network, name, shape, blockShape } as const;
        statistics.push((await ask(running, message, 'tensor', [block], signal)).statistics);
      }
    } catch (error) {
      // The process can forget what it knows of the network; nobody waits for its answer.
      send(running, { type: 'end', network });
      this.#giveUp(running, network);
      throw error;
    }
    const whole = await ask(running, { type: 'end', network }, 'network', [], signal);
    return { network: whole.statistics, tensors: statistics };
  }

  /** Ends the process until it is needed again; for when nothing is under way. */
  rest(): void {
    const running = this.#running;
    if (!running) return;
    this.#running = null;
    void endChild(running.child);
  }

  /** Ends the process; what is under way fails. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#running?.child;
    if (!child) return;
    await endChild(child);
  }

  /** One tensor can take minutes: a process that is still at it for nobody makes room for what others wait for. */
  #giveUp(running: Running, network: number): void {
    setTimeout(() => {
      if (this.#running !== running || !running.sent.includes(network)) return;
      if (running.sent[0] === network) {
        running.isGivenUp = true;
        running.child.kill('SIGKILL');
      } else {
        this.#giveUp(running, network);
      }
    }, GRACE_MS).unref();
  }

  #start(): Running {
    if (this.#closed) throw new StatisticsUnavailableError('the service is shutting down');
    if (this.#running) return this.#running;
    const waiting = new Map<number, Waiting>();
    const { process, channel } = startChild<FromStatisticsProcess, ToStatisticsProcess>(
      new URL('./process.js', import.meta.url),
      (answer) => {
        const { network } = answer;
        running.sent.splice(running.sent.indexOf(network), 1);
        if (answer.type === 'failed') waiting.get(network)?.reject(new Error(answer.reason));
        else waiting.get(network)?.resolve(answer);
      },
      (reason) => {
        if (this.#running === running) this.#running = null;
        channel.close();
        const error = new (running.isGivenUp ? GivenUpError : StatisticsUnavailableError)(
          `the statistics' process ${reason}`,
        );
        for (const { reject } of waiting.values()) reject(error);
      },
    );
    const running: Running = { child: process, channel, waiting, sent: [], isGivenUp: false };
    this.#running = running;
    return running;
  }
}

/** Sends a message and waits for its answer, for as long as the signal lets it. */
async function ask<T extends FromStatisticsProcess['type']>(
  running: Running,
  message: ToStatisticsProcess,
  type: T,
  arrays: readonly Float32Array[],
  signal: AbortSignal | undefined,
): Promise<Extract<FromStatisticsProcess, { type: T }>> {
  const { child, waiting } = running;
  signal?.throwIfAborted();
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new (running.isGivenUp ? GivenUpError : StatisticsUnavailableError)(
      "the statistics' process ended",
    );
  }
  const { network } = message;
  let abort = () => {};
  const answer = new Promise<FromStatisticsProcess>((resolve, reject) => {
    waiting.set(network, { resolve, reject });
    abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
  });
  send(running, message, arrays);
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

function send(
  { channel, sent }: Running,
  message: ToStatisticsProcess,
  arrays?: readonly Float32Array[],
): void {
  sent.push(message.network);
  void channel.send(message, arrays);
}

function isOfType<T extends FromStatisticsProcess['type']>(
  answer: FromStatisticsProcess,
  type: T,
): answer is Extract<FromStatisticsProcess, { type: T }> {
  return answer.type === type;
}
