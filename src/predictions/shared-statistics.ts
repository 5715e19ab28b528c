import type { Statistics } from '../statistics/schema.js';
import type { StatisticsWorker } from '../statistics/worker.js';
import { roundedSource } from '../tensor/tensor.js';
import type { ReadyPrediction } from './ready-prediction.js';
import { RecentResults } from './recent-results.js';

/** Statistics of the predictions that were last asked about are kept, up to so many tensors': each takes some kB. */
const MAX_TENSORS = 20_000;

/** Statistics of predictions, computed once, whoever asks meanwhile. */
export class SharedStatistics {
  readonly #worker: StatisticsWorker;
  readonly #results = new RecentResults<Statistics>(MAX_TENSORS, ({ tensors }) => tensors.length);

  constructor(worker: StatisticsWorker) {
    this.#worker = worker;
  }

  /**
   * Releases the prediction once nothing of it is read any more.
   *
   * @param signal of the one who asks
   * @throws StatisticsUnavailableError; the signal's reason
   */
  async of({ record, tensors, release }: ReadyPrediction, signal: AbortSignal): Promise<Statistics> {
    let isRead = false;
    const compute = async (until: AbortSignal) => {
      isRead = true;
      try {
        const written = tensors.map((tensor) => roundedSource(tensor, record.request.dtype));
        return await this.#worker.compute(written, until);
      } finally {
        release();
      }
    };
    try {
      return await this.#results.get(record.id, compute, signal);
    } finally {
      if (!isRead) release();
    }
  }
}
