import { setTimeout } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { buildApp } from './app.js';
import { deferred } from './async/deferred.js';
import { readCard } from './engine/card.js';
import { threadsOfQuota } from './engine/cores.js';
import { AnswerMonitor } from './http/answers/answer-monitor.js';
import { Metrics } from './metrics/metrics.js';
import { PredictionLog } from './metrics/prediction-log.js';
import { Admission, type Refusal } from './predictions/admission.js';
import { openBoard } from './predictions/board/open.js';
import { observers } from './predictions/observer.js';
import { PlanningProcess } from './predictions/planning/planning-process.js';
import { Predictions } from './predictions/predictions.js';
import { Predictor } from './predictor/predictor.js';
import { packagedCheckpoints } from './settings/packaged-ghn.js';
import type { Settings } from './settings/settings.js';
import { readSourceEnvironment } from './sources/index.js';
import { locateCheckpoints } from './sources/locate.js';
import { StatisticsLanes } from './statistics/lanes.js';
import { openStore } from './store/open.js';
import { NotUnderstoodError, StoreCorruptError } from './store/store.js';
import { memoryForPredictions, readerHeapMegabytes } from './system/memory.js';
import { openTracer } from './tracing/open.js';

/** Time between two checks of an api for a worker. */
const FLEET_POLL_MS = 100;

export interface ServiceOptions {
  readonly settings: Settings;
  readonly logger: FastifyBaseLogger;
  readonly version: string;
  /** Number of log lines that could not be written so far. */
  readonly droppedLogLines?: () => number;
  /** Environment variables that control where checkpoints are fetched from and cached. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface Service {
  readonly app: FastifyInstance;
  /** The engine's process. */
  readonly predictor: Predictor;
  /**
   * Starts to listen, and fetches and loads the GHNs in the background. /readyz tells when they are loaded.
   *
   * @returns the address `http://host:port` on which it listens
   */
  start(): Promise<string>;
  /** Resolves when the GHNs are loaded; rejects if they cannot be loaded. */
  readonly ready: Promise<void>;
  /**
   * Completes the running requests, unless they take longer than the time limit or need a server that does not answer,
   * refuses new ones, and releases all resources.
   */
  stop(): Promise<void>;
}

/** Creates the service. It does not listen and loads nothing yet. */
export async function buildService({
  settings,
  logger,
  version,
  droppedLogLines = () => 0,
  environment = process.env,
}: ServiceOptions): Promise<Service> {
  const tracer = await openTracer(environment, version);
  let metrics: Metrics | undefined;
  let corruptions = 0;
  let notUnderstood = 0;
  const store = await openStore(settings.STORE, {
    endpoint: settings.S3_ENDPOINT,
    publicEndpoint: settings.S3_PUBLIC_ENDPOINT,
    maxBytes: settings.STORE_MAX_BYTES,
    onRequest: (...request) => metrics?.bucketAsked(...request),
    onProblem: (error) => {
      if (error instanceof StoreCorruptError) corruptions++;
      if (error instanceof NotUnderstoodError) notUnderstood++;
      logger.warn({ err: error }, 'store');
    },
  });
  const checkpoints = settings.GHN_CHECKPOINTS ?? packagedCheckpoints();
  const fetching = new AbortController();
  const started = deferred<void>();
  const listening = deferred<void>();
  const predictor = new Predictor(
    {
      engine: {
        engine: settings.ENGINE,
        device: settings.DEVICE,
        threads: settings.THREADS ?? threadsOfQuota(),
      },
      // Given to `start` once they are found.
      checkpoints: [],
    },
    { onProblem: (message) => logger.error(message), onNotice: (message) => logger.warn(message) },
  );
  metrics = new Metrics({
    queueDepth: () => board.depth(),
    queueSeconds: () => board.secondsUntilIdle(),
    workers: () => board.workers,
    redisUp: () => shared?.isUp ?? null,
    engineBytes: () => predictor.memory,
    engineRestarts: () => predictor.restarts,
    deviceMemory: async () => {
      const card = predictor.description?.engine.card ? await readCard() : null;
      return card && { totalBytes: card.memoryBytes, usedBytes: card.usedBytes };
    },
    storeBytes: () => store.usage(),
    storeCorruptions: () => corruptions,
    storeNotUnderstood: () => notUnderstood,
    droppedLogLines,
  });
  const statistics = new StatisticsLanes();
  const answers = new AnswerMonitor();
  const bounds = {
    maxQueue: settings.MAX_QUEUE,
    maxWaitMilliseconds: settings.MAX_WAIT_MS ?? settings.REQUEST_TIMEOUT_MS,
    memoryBytes: () => settings.MAX_MEMORY_BYTES ?? memoryForPredictions(parametersOf(predictor)),
    onRefusal: (reason: Refusal) => metrics.refused(reason),
  };
  const admission = new Admission({ ...bounds, crowdedAnswers: () => answers.crowded });
  const observer = observers([metrics, new PredictionLog(logger)]);
  const planner = new PlanningProcess({
    heapMegabytes: readerHeapMegabytes(settings.MAX_BODY_BYTES),
    timeoutMilliseconds: settings.REQUEST_TIMEOUT_MS,
  });
  const { board, executor, shared } = await openBoard({
    queue: settings.QUEUE,
    role: settings.ROLE,
    admission,
    executor: predictor,
    store,
    observer,
    planner,
    ...bounds,
  });
  const predictions = new Predictions({
    executor,
    works: settings.ROLE !== 'api',
    statistics,
    store,
    board,
    timeoutMilliseconds: settings.REQUEST_TIMEOUT_MS,
    limits: { maxNodes: settings.MAX_NODES, maxParameters: settings.MAX_PARAMETERS },
    observer,
    tracer,
    planner,
  });
  let isStopping = false;
  const app = await buildApp({
    settings,
    logger,
    executor,
    predictions,
    answers,
    metrics,
    shared,
    tracer,
    version,
    isStopping: () => isStopping,
  });
  return {
    app,
    predictor,
    async start() {
      started.resolve();
      const address = await app.listen({ host: settings.HOST, port: settings.PORT });
      listening.resolve();
      return address;
    },
    ready: started.promise.then(async () => {
      // The workers load the GHNs.
      if (settings.ROLE === 'api') {
        await listening.promise;
        while (!executor.ready) await setTimeout(FLEET_POLL_MS, undefined, { ref: false });
        logger.info({ role: settings.ROLE }, 'ready');
        return;
      }
      const sources = { environment: readSourceEnvironment(environment), signal: fetching.signal };
      const files = await locateCheckpoints(checkpoints, sources, logger).catch((error: unknown) => {
        // A service that is being stopped never becomes ready, and its operator knows that.
        if (isStopping) return null;
        throw error;
      });
      if (files === null || isStopping) return new Promise<never>(() => {});
      predictor.start(files);
      const { engine, ghns } = await predictor.started;
      logger.info({ engine, ghns: ghns.map(({ id }) => id) }, 'ready');
    }),
    async stop() {
      isStopping = true;
      fetching.abort(new Error('the service is shutting down'));
      await setTimeout(settings.SHUTDOWN_DELAY_MS);
      store.leave?.();
      board.leave?.();
      const finished = app.close().then(() => predictions.settle());
      const limit = setTimeout(settings.REQUEST_TIMEOUT_MS, 'late', { ref: false });
      if ((await Promise.race([finished, limit])) === 'late') {
        logger.warn('stopping: ending the requests that are still running');
      }
      await Promise.all([board.close(), predictor.close(), statistics.close(), planner.close()]);
      await Promise.all([store.close(), tracer?.close()]);
    },
  };
}

/** Returns the number of values in the loaded GHNs. */
function parametersOf({ description }: Predictor): number {
  return description?.ghns.reduce((sum, { parameters }) => sum + parameters, 0) ?? 0;
}
