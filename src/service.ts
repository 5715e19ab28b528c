import { setTimeout } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { buildApp } from './app.js';
import { readCard } from './engine/card.js';
import { threadsOfQuota } from './engine/cores.js';
import { memoryForPredictions } from './memory.js';
import { Metrics } from './metrics/metrics.js';
import { PredictionLog } from './metrics/prediction-log.js';
import { packagedCheckpoints } from './packaged-ghn.js';
import { AnswerMonitor } from './plugins/answer-monitor.js';
import { Admission } from './predictions/admission.js';
import { Predictions } from './predictions/predictions.js';
import { Predictor } from './predictor/predictor.js';
import { Queue } from './queue/queue.js';
import type { Settings } from './settings/settings.js';
import { StatisticsLanes } from './statistics/lanes.js';
import { DirectoryStore } from './store/directory/directory-store.js';
import { NotUnderstoodError, StoreCorruptError } from './store/store.js';

export interface ServiceOptions {
  readonly settings: Settings;
  readonly logger: FastifyBaseLogger;
  readonly version: string;
  /** How many lines of the log could not be written so far. */
  readonly droppedLogLines?: () => number;
}

export interface Service {
  readonly app: FastifyInstance;
  /** The engine's process: whether it is there, and how often it had to be started anew. */
  readonly predictor: Predictor;
  /**
   * Listens, and loads the GHNs meanwhile: /readyz says when they are there.
   *
   * @returns `http://host:port`, as it listens
   */
  start(): Promise<string>;
  /** Settles when the GHNs are loaded; rejects where they cannot be. */
  readonly ready: Promise<void>;
  /** Finishes what is under way, unless it takes longer than a request may, refuses the rest, and lets go of everything. */
  stop(): Promise<void>;
}

/** Puts the parts together; nothing listens or loads yet. */
export async function buildService({
  settings,
  logger,
  version,
  droppedLogLines = () => 0,
}: ServiceOptions): Promise<Service> {
  let corruptions = 0;
  let notUnderstood = 0;
  const store = await DirectoryStore.open(settings.STORE, {
    maxBytes: settings.STORE_MAX_BYTES,
    onProblem: (error) => {
      if (error instanceof StoreCorruptError) corruptions++;
      if (error instanceof NotUnderstoodError) notUnderstood++;
      logger.warn({ err: error }, 'store');
    },
  });
  const predictor = new Predictor(
    {
      engine: {
        engine: settings.ENGINE,
        device: settings.DEVICE,
        threads: settings.THREADS ?? threadsOfQuota(),
      },
      checkpoints: settings.GHN_CHECKPOINTS ?? packagedCheckpoints(),
    },
    { onProblem: (message) => logger.error(message), onNotice: (message) => logger.warn(message) },
  );
  const queue = new Queue();
  const metrics = new Metrics({
    queueDepth: () => queue.depth,
    engineBytes: () => predictor.memory,
    engineRestarts: () => predictor.restarts,
    deviceMemory: async () => {
      const card = predictor.description?.engine.card ? await readCard() : null;
      return card && { totalBytes: card.memoryBytes, usedBytes: card.usedBytes };
    },
    storeBytes: () => store.bytes,
    storeCorruptions: () => corruptions,
    storeNotUnderstood: () => notUnderstood,
    droppedLogLines,
  });
  const statistics = new StatisticsLanes();
  const answers = new AnswerMonitor();
  const admission = new Admission({
    maxQueue: settings.MAX_QUEUE,
    maxWaitMilliseconds: settings.MAX_WAIT_MS ?? settings.REQUEST_TIMEOUT_MS,
    memoryBytes: () => settings.MAX_MEMORY_BYTES ?? memoryForPredictions(parametersOf(predictor)),
    crowdedAnswers: () => answers.crowded,
    onRefusal: (reason) => metrics.refused(reason),
  });
  const predictions = new Predictions({
    admission,
    predictor,
    statistics,
    store,
    queue,
    timeoutMilliseconds: settings.REQUEST_TIMEOUT_MS,
    limits: { maxNodes: settings.MAX_NODES, maxParameters: settings.MAX_PARAMETERS },
    observers: [metrics, new PredictionLog(logger)],
  });
  let isStopping = false;
  const app = await buildApp({
    settings,
    logger,
    predictor,
    predictions,
    answers,
    metrics,
    version,
    isStopping: () => isStopping,
  });
  return {
    app,
    predictor,
    async start() {
      predictor.start();
      return app.listen({ host: settings.HOST, port: settings.PORT });
    },
    ready: predictor.started.then(({ engine, ghns }) => {
      logger.info({ engine, ghns: ghns.map(({ id }) => id) }, 'ready');
    }),
    async stop() {
      isStopping = true;
      await setTimeout(settings.SHUTDOWN_DELAY_MS);
      const finished = app.close().then(() => predictions.settle());
      const limit = setTimeout(settings.REQUEST_TIMEOUT_MS, 'late', { ref: false });
      if ((await Promise.race([finished, limit])) === 'late') {
        logger.warn('stopping: what is still under way is cut off');
      }
      await Promise.all([predictor.close(), statistics.close()]);
      await store.close();
    },
  };
}

/** How many numbers the loaded GHNs hold. */
function parametersOf({ description }: Predictor): number {
  return description?.ghns.reduce((sum, { parameters }) => sum + parameters, 0) ?? 0;
}
