import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { MAX_PATTERN_LENGTH } from './format/pattern.js';
import type { AnswerMonitor } from './http/answers/answer-monitor.js';
import { answerInTime } from './http/plugins/answer-in-time.js';
import { authentication, clientOf } from './http/plugins/authentication.js';
import { closeWhenIdle } from './http/plugins/close-when-idle.js';
import { openapi } from './http/plugins/external/openapi.js';
import { protection } from './http/plugins/external/protection.js';
import { jsonBody } from './http/plugins/json-body.js';
import { knownQueries } from './http/plugins/known-queries.js';
import { malformedHttp, refuseMalformed } from './http/plugins/malformed-http.js';
import { methodNotAllowed } from './http/plugins/method-not-allowed.js';
import { notFound } from './http/plugins/not-found.js';
import { oneAtATime } from './http/plugins/one-at-a-time.js';
import { pressure } from './http/plugins/pressure.js';
import { problems, refusePath } from './http/plugins/problems.js';
import { refusalLog } from './http/plugins/refusal-log.js';
import { requestId, requestIdOf } from './http/plugins/request-id.js';
import { requestMetrics } from './http/plugins/request-metrics.js';
import { PATIENCE, receiving, slowClients } from './http/plugins/slow-clients.js';
import { tracing } from './http/plugins/tracing.js';
import { unreadAnswers } from './http/plugins/unread-answers.js';
import { validation } from './http/plugins/validation.js';
import { BodyReader } from './http/requests/reading/body-reader.js';
import { readLarge } from './http/requests/reading/read-large.js';
import type { Metrics } from './metrics/metrics.js';
import type { Refusal } from './predictions/admission.js';
import type { SharedCounts } from './predictions/board/bull/shared-counts.js';
import type { Predictions } from './predictions/predictions.js';
import type { Executor } from './predictor/executor.js';
import { architectures } from './routes/architectures.js';
import { errors } from './routes/errors.js';
import { ghns } from './routes/ghns.js';
import { health } from './routes/health.js';
import { hub } from './routes/hub/hub.js';
import { metricsRoute } from './routes/metrics.js';
import { page } from './routes/page.js';
import { predict } from './routes/predict.js';
import { events } from './routes/predictions/events.js';
import { records } from './routes/predictions/records.js';
import { statistics } from './routes/predictions/statistics.js';
import { tfjs } from './routes/predictions/tfjs.js';
import { weights } from './routes/predictions/weights.js';
import type { Settings } from './settings/settings.js';
import { readerHeapMegabytes, UNREAD_ANSWER_BYTES } from './system/memory.js';
import type { Tracer } from './tracing/tracer.js';

/** A connection is closed when nothing has moved on it for this much longer than the time limit of an answer. */
const IDLE_MARGIN_MS = 10_000;

/** Limit of headers: the URL may contain the longest pattern of tensor names, fully escaped, and other parameters. */
const MAX_HEADER_BYTES = 3 * MAX_PATTERN_LENGTH + 16 * 1024;

export interface AppOptions {
  readonly settings: Settings;
  readonly logger: FastifyBaseLogger;
  readonly executor: Executor;
  readonly predictions: Predictions;
  readonly answers: AnswerMonitor;
  readonly metrics: Metrics;
  /** Counts requests for services that share a queue. */
  readonly shared?: SharedCounts;
  readonly tracer?: Tracer | null;
  readonly version: string;
  /** Returns true once the service was told to stop: load balancers must send no more requests. */
  readonly isStopping: () => boolean;
}

/** Builds the HTTP side: the plugins that apply to every route, then the routes. */
export async function buildApp({
  settings,
  logger,
  executor,
  predictions,
  answers,
  metrics,
  shared,
  tracer,
  version,
  isStopping,
}: AppOptions): Promise<FastifyInstance> {
  const { requestTimeout, http } = receiving(PATIENCE);
  const app = Fastify({
    loggerInstance: logger,
    // The log has one line for each prediction. Lines for each request and response would hide it.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    bodyLimit: settings.MAX_BODY_BYTES,
    requestTimeout,
    // Node's own answer to a request without a host is not in the form of a problem.
    http: { ...http, maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false },
    connectionTimeout: settings.REQUEST_TIMEOUT_MS + IDLE_MARGIN_MS,
    frameworkErrors: refusePath,
    clientErrorHandler: refuseMalformed,
    // Running requests are completed, new connections are refused, and idle connections are closed.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  });
  await app.register(oneAtATime);
  await app.register(closeWhenIdle);
  await app.register(problems);
  await app.register(requestId);
  if (tracer) await app.register(tracing, { tracer });
  await app.register(requestMetrics, { metrics });
  await app.register(refusalLog);
  const onRefusal = (reason: Refusal) => metrics.refused(reason);
  await app.register(pressure, {
    maxEventLoopDelayMilliseconds: settings.MAX_EVENT_LOOP_DELAY_MS,
    onRefusal,
  });
  await app.register(slowClients, { patience: PATIENCE });
  await app.register(protection, {
    origins: settings.CORS_ORIGINS,
    rateLimit: settings.RATE_LIMIT,
    hasKeys: settings.API_KEYS.length > 0,
    ...(shared && {
      countTogether: (client: string, milliseconds: number) => shared.count(client, milliseconds),
    }),
  });
  await app.register(malformedHttp);
  await app.register(authentication, { keys: settings.API_KEYS, metricsKeys: settings.METRICS_KEY ?? [] });
  const client = clientOf(settings.API_KEYS.length > 0);
  await app.register(unreadAnswers, { bytes: UNREAD_ANSWER_BYTES, clientOf: client, onRefusal });
  const { limits } = predictions;
  const reader = new BodyReader({
    bodyLimit: settings.MAX_BODY_BYTES,
    heapMegabytes: readerHeapMegabytes(settings.MAX_BODY_BYTES),
    timeoutMilliseconds: settings.REQUEST_TIMEOUT_MS,
  });
  app.addHook('onClose', () => reader.close());
  await app.register(jsonBody, {
    bodiesBytes: PATIENCE.bodiesBytes,
    bodyLimit: settings.MAX_BODY_BYTES,
    clientOf: client,
    readLarge: readLarge({ reader, limits, executor, clientOf: client }),
    onRefusal,
  });
  await app.register(validation);
  await app.register(knownQueries);
  await app.register(notFound);
  await app.register(methodNotAllowed);
  await app.register(answerInTime, { milliseconds: settings.REQUEST_TIMEOUT_MS });
  await app.register(openapi, { version, hasKeys: settings.API_KEYS.length > 0 });

  await app.register(health, { isReady: () => executor.ready && !isStopping() });
  await app.register(errors);
  // Workers receive only health checks and requests for metrics.
  const isAsked = settings.ROLE !== 'worker';
  if (isAsked) {
    await app.register(ghns, { predictor: executor });
    await app.register(architectures);
  }
  await app.register(metricsRoute, { metrics });
  if (isAsked) {
    await app.register(predict, {
      predictions,
      answers,
      limits,
      timeoutMilliseconds: settings.REQUEST_TIMEOUT_MS,
      clientOf: client,
    });
    await app.register(records, { predictions });
    await app.register(events, { predictions });
    await app.register(weights, { predictions });
    await app.register(statistics, { predictions, timeoutMilliseconds: settings.REQUEST_TIMEOUT_MS });
    await app.register(tfjs, { predictions });
    await app.register(hub, {
      predictions,
      timeoutMilliseconds: settings.REQUEST_TIMEOUT_MS,
      clientOf: client,
    });
    await app.register(page, { version });
  }
  app.refuseOtherMethods();
  return app;
}
