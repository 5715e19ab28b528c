import { setImmediate } from 'node:timers/promises';
import type { StatisticsLanes } from '../statistics/lanes.js';
import type { Statistics } from '../statistics/schema.js';
import { roundedSource } from '../tensor/tensor.js';
import type { ReadyPrediction } from './ready-prediction.js';
import { RecentResults } from './recent-results.js';

/** Statistics of the last requested predictions are kept, up to this many bytes. */
const MAX_BYTES = 64 * 2 ** 20;

/** Tensors whose JSON is written without a pause: some milliseconds. */
const TENSORS_AT_ONCE = 200;

/** Statistics of predictions as JSON. They are computed and written once, and all answers share them. */
export class SharedStatistics {
  readonly #worker: StatisticsLanes;
  readonly #results = new RecentResults<Buffer>(MAX_BYTES, ({ byteLength }) => byteLength);

  constructor(worker: StatisticsLanes) {
    this.#worker = worker;
  }

  /**
   * Computes the statistics, or returns the kept ones, and releases the prediction.
   *
   * @param signal the client's signal
   * @returns the JSON that `statisticsSchema` describes
   * @throws StatisticsUnavailableError; the signal's reason
   */
  async of({ record, tensors, release }: ReadyPrediction, signal: AbortSignal): Promise<Buffer> {
    let isRead = false;
    const compute = async (until: AbortSignal) => {
      isRead = true;
      try {
        const written = tensors.map((tensor) => roundedSource(tensor, record.request.dtype));
        return await toJson(await this.#worker.compute(written, until));
      } finally {
        release();
      }
    };
    try {
      return await this.#results.get(`${record.id}.${record.generation}`, compute, signal);
    } finally {
      if (!isRead) release();
    }
  }
}

/** Writes the JSON of statistics, some tensors at a time: many thousands at once would block the event loop. */
async function toJson({ network, tensors }: Statistics): Promise<Buffer> {
  const parts = [Buffer.from(`{"network":${JSON.stringify(network)},"tensors":[`)];
  for (let start = 0; start < tensors.length; start += TENSORS_AT_ONCE) {
    const some = JSON.stringify(tensors.slice(start, start + TENSORS_AT_ONCE)).slice(1, -1);
    parts.push(Buffer.from(start === 0 ? some : `,${some}`));
    await setImmediate();
  }
  parts.push(Buffer.from(']}'));
  return Buffer.concat(parts);
}
