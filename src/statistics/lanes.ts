import type { TensorSource } from '../tensor/tensor.js';
import { statisticsWork } from './cost.js';
import type { Statistics } from './schema.js';
import { StatisticsUnavailableError, StatisticsWorker } from './worker.js';

/** Number of multiplications above which statistics count as large; they take some seconds. */
const LARGE = 2 ** 33;

/** Largest number of large statistics that are computed or wait; each holds a block in memory. */
const MAX_LARGE = 4;

/**
 * Computes small and large statistics in two processes, so that small ones never wait for large ones. The process for
 * large ones runs only while there are any.
 */
export class StatisticsLanes {
  readonly #small = new StatisticsWorker();
  readonly #large = new StatisticsWorker();
  #largeOnes = 0;

  /**
   * Computes the statistics of each tensor, in their order, and of all together. Reads one block at a time.
   *
   * @throws the signal's reason once it is aborted; StatisticsUnavailableError; the errors of reading a block
   */
  async compute(tensors: readonly TensorSource[], signal?: AbortSignal): Promise<Statistics> {
    if (statisticsWork(tensors) < LARGE) return this.#small.compute(tensors, signal);
    if (this.#largeOnes >= MAX_LARGE) {
      throw new StatisticsUnavailableError(
        `statistics of ${MAX_LARGE} other large networks are being computed: try again later`,
      );
    }
    this.#largeOnes++;
    try {
      return await this.#large.compute(tensors, signal);
    } finally {
      this.#largeOnes--;
      if (this.#largeOnes === 0) this.#large.rest();
    }
  }

  /** Ends the processes. Running computations fail. */
  async close(): Promise<void> {
    await Promise.all([this.#small.close(), this.#large.close()]);
  }
}
