import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Refusal } from '../predictions/admission.js';
import type { PredictionObserver } from '../predictions/observer.js';
import type { PredictionRecord } from '../record/record.js';
import type { Saved } from '../store/store.js';

/** Bucket bounds of the histograms, from a cached health check to a prediction by a GHN-3-XL with post-processing. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface Sources {
  readonly queueDepth: () => Promise<number>;
  readonly queueSeconds: () => Promise<number>;
  readonly workers: () => number;
  /** True if Redis answers; null if the service does not use Redis. */
  readonly redisUp: () => boolean | null;
  readonly engineBytes: () => number;
  readonly engineRestarts: () => number;
  /** Total memory of the GPU, and the memory that all processes use; null without a GPU. */
  readonly deviceMemory: () => Promise<{ readonly totalBytes: number; readonly usedBytes: number } | null>;
  readonly storeBytes: () => Promise<number>;
  readonly storeCorruptions: () => number;
  readonly storeNotUnderstood: () => number;
  readonly droppedLogLines: () => number;
}

/**
 * The metrics for Prometheus. Labels have few values, whatever clients send: the id of a GHN, a format, a stage, the
 * pattern of a route, but never a name from a request.
 */
export class Metrics implements PredictionObserver {
  readonly registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #stages: Histogram<'stage'>;
  readonly #predictions: Counter<'ghn' | 'format' | 'result'>;
  readonly #computations: Counter<'ghn'>;
  readonly #parameters: Counter<'ghn'>;
  readonly #hits: Counter<'how'>;
  readonly #refusals: Counter<'reason'>;
  readonly #storeErrors: Counter;
  readonly #remade: Counter;
  readonly #bytesSent: Counter;
  readonly #commits: Counter<'whose'>;
  readonly #takeovers: Counter;
  readonly #bucket: Histogram<'operation'>;
  /** True if the bucket has answered the last request; null before the first. */
  #bucketUp: boolean | null = null;

  constructor(sources: Sources) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Histogram({
      name: 'ghn_serve_request_duration_seconds',
      help: 'Time from a request to the last byte of its answer',
      labelNames: ['method', 'route', 'status'],
      buckets: SECONDS,
      registers,
    });
    this.#stages = new Histogram({
      name: 'ghn_serve_stage_duration_seconds',
      help: 'Duration of computed predictions, by stage',
      labelNames: ['stage'],
      buckets: SECONDS,
      registers,
    });
    this.#predictions = new Counter({
      name: 'ghn_serve_predictions_total',
      help: 'Requested predictions, by outcome',
      labelNames: ['ghn', 'format', 'result'],
      registers,
    });
    this.#computations = new Counter({
      name: 'ghn_serve_computations_total',
      help: 'Predictions that the engine computed',
      labelNames: ['ghn'],
      registers,
    });
    this.#parameters = new Counter({
      name: 'ghn_serve_parameters_predicted_total',
      help: 'Parameters of the networks that the engine predicted',
      labelNames: ['ghn'],
      registers,
    });
    this.#hits = new Counter({
      name: 'ghn_serve_cache_hits_total',
      help: 'Requests answered without a new computation: from the store, or together with another request',
      labelNames: ['how'],
      registers,
    });
    this.#refusals = new Counter({
      name: 'ghn_serve_refusals_total',
      help: 'Requests refused because of the load, by reason',
      labelNames: ['reason'],
      registers,
    });
    this.#storeErrors = new Counter({
      name: 'ghn_serve_store_errors_total',
      help: 'Predictions that could not be stored',
      registers,
    });
    this.#remade = new Counter({
      name: 'ghn_serve_store_remade_total',
      help: 'Corrupt predictions that were made again when they were read',
      registers,
    });
    this.#bytesSent = new Counter({
      name: 'ghn_serve_response_bytes_total',
      help: 'Bytes of answers that clients have received, including headers',
      registers,
    });
    this.#commits = new Counter({
      name: 'ghn_serve_commits_total',
      help: 'Predictions to store: this service stored its own (mine), or another had stored one before (theirs)',
      labelNames: ['whose'],
      registers,
    });
    this.#takeovers = new Counter({
      name: 'ghn_serve_takeovers_total',
      help: 'Predictions that this worker took over from a worker that died',
      registers,
    });
    this.#bucket = new Histogram({
      name: 'ghn_serve_bucket_duration_seconds',
      help: 'Duration of requests to the bucket, including retries, by operation',
      labelNames: ['operation'],
      buckets: SECONDS,
      registers,
    });
    const gauge = (name: string, help: string, value: () => number | Promise<number>) =>
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          // A value that is not available now is left out, so that the scrape still returns all others.
          this.set(await Promise.resolve(value()).catch(() => Number.NaN));
        },
      });
    gauge('ghn_serve_queue_depth', 'Predictions that wait for the engine', sources.queueDepth);
    gauge(
      'ghn_serve_queue_seconds',
      'Estimated time until all accepted predictions are made',
      sources.queueSeconds,
    );
    const upGauge = (name: string, help: string, isUp: () => boolean | null) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          const value = isUp();
          this.reset();
          if (value === null) this.remove();
          else this.set(Number(value));
        },
      });
    upGauge(
      'ghn_serve_redis_up',
      '1 if Redis answers, 0 if not; only if QUEUE is its address',
      sources.redisUp,
    );
    upGauge(
      'ghn_serve_bucket_up',
      '1 if the bucket answered the last request, 0 if not; only if STORE is a bucket',
      () => this.#bucketUp,
    );
    gauge('ghn_serve_workers', 'Number of processes that make predictions for this service', sources.workers);
    gauge('ghn_serve_engine_memory_bytes', 'Memory that the engine holds', sources.engineBytes);
    gauge(
      'ghn_serve_engine_restarts',
      'Number of times that the engine was restarted',
      sources.engineRestarts,
    );
    new Gauge({
      name: 'ghn_serve_device_memory_bytes',
      help: 'Memory of the GPU in use: the total, and the part that all processes use',
      labelNames: ['state'],
      registers,
      async collect() {
        this.reset();
        const memory = await sources.deviceMemory();
        if (!memory) return;
        this.set({ state: 'total' }, memory.totalBytes);
        this.set({ state: 'used' }, memory.usedBytes);
      },
    });
    gauge('ghn_serve_store_bytes', 'Size of the stored predictions', sources.storeBytes);
    gauge(
      'ghn_serve_store_corruptions',
      'Number of stored predictions that were found corrupt, and removed',
      sources.storeCorruptions,
    );
    gauge(
      'ghn_serve_store_not_understood',
      'Number of folders in the store that are of another version, or are not predictions; they are left as they are',
      sources.storeNotUnderstood,
    );
    gauge(
      'ghn_serve_log_lines_dropped',
      'Number of log lines that were dropped because they could not be written',
      sources.droppedLogLines,
    );
  }

  request(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds);
  }

  sent(bytes: number): void {
    this.#bytesSent.inc(bytes);
  }

  made(record: PredictionRecord): void {
    const { ghn, architecture, latency_ms: latency } = record;
    this.#count(record, 'computed');
    this.#computations.inc({ ghn: ghn.id });
    this.#parameters.inc({ ghn: ghn.id }, architecture.parameters);
    if (!latency) return;
    for (const stage of ['parse', 'graph', 'encode', 'decode', 'postprocess'] as const) {
      this.#stages.observe({ stage }, latency[stage] / 1000);
    }
  }

  failed(record: PredictionRecord): void {
    this.#count(record, record.status);
  }

  shared(record: PredictionRecord, how: 'stored' | 'joined'): void {
    this.#count(record, how);
    this.#hits.inc({ how });
  }

  remade(): void {
    this.#remade.inc();
  }

  refused(reason: Refusal): void {
    this.#refusals.inc({ reason });
  }

  committed(whose: Saved): void {
    this.#commits.inc({ whose });
  }

  takenOver(): void {
    this.#takeovers.inc();
  }

  /** Counts a request to the bucket that was answered or given up. */
  bucketAsked(operation: string, seconds: number, isAnswered: boolean): void {
    this.#bucket.observe({ operation }, seconds);
    this.#bucketUp = isAnswered;
  }

  storeFailed(): void {
    this.#storeErrors.inc();
  }

  #count({ ghn, request }: PredictionRecord, result: string): void {
    this.#predictions.inc({ ghn: ghn.id, format: request.format, result });
  }
}
