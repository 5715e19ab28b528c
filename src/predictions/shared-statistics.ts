import { setImmediate } from 'node:timers/promises';
import type { StatisticsLanes } from '../statistics/lanes.js';
import type { Statistics } from '../statistics/schema.js';
import { roundedSource } from '../tensor/tensor.js';
import type { ReadyPrediction } from './ready-prediction.js';
import { RecentResults } from './recent-results.js';

/** Statistics of the predictions that were last asked about are kept, up to so many bytes. */
const MAX_BYTES = 64 * 2 ** 20;

/** Tensors that are made into JSON at once: some ms. */
const TENSORS_AT_ONCE = 200;

/** Statistics of predictions as JSON. They are computed and written once, and all answers share them. */
export class SharedStatistics {
  readonly #worker: StatisticsLanes;
  readonly #results = new RecentResults<Buffer>(MAX_BYTES, ({ byteLength }) => byteLength);

  constructor(worker: StatisticsLanes) {
    this.#worker = worker;
  }

  /**
   * Releases the prediction once nothing of it is read any more.
   *
   * @param signal of the one who asks
   * @returns what `statisticsSchema` describes, as JSON
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

/** JSON of statistics, some tensors at a time: those of many thousands would hold up everything else. */
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
