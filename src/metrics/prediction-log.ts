import type { FastifyBaseLogger } from 'fastify';
import type { PredictionObserver } from '../predictions/observer.js';
import type { PredictionRecord } from '../record/record.js';

/** One line for each prediction: what was asked for, how large it is and how long each stage took. */
export class PredictionLog implements PredictionObserver {
  readonly #logger: FastifyBaseLogger;

  constructor(logger: FastifyBaseLogger) {
    this.#logger = logger;
  }

  made(record: PredictionRecord): void {
    this.#logger.info({ ...describe(record), latency_ms: record.latency_ms }, 'predicted');
  }

  failed(record: PredictionRecord, error: Error): void {
    this.#logger.warn({ ...describe(record), err: error }, record.status);
  }

  shared(record: PredictionRecord, how: 'stored' | 'joined'): void {
    this.#logger.info({ ...describe(record), how }, 'answered without computing');
  }

  remade(record: PredictionRecord): void {
    this.#logger.warn(describe(record), 'corrupt in the store: made again');
  }

  committed(): void {}

  takenOver(record: PredictionRecord): void {
    this.#logger.warn(describe(record), 'taken over from a worker that died');
  }

  storeFailed(prediction: string, error: Error): void {
    this.#logger.error({ prediction, err: error }, 'not stored');
  }
}

function describe({ id, ghn, architecture: { name, nodes, parameters } }: PredictionRecord) {
  return { prediction: id, ghn: ghn.id, architecture: name, nodes, parameters };
}
