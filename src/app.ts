import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { jsonBody } from './plugins/json-body.js';
import { methodNotAllowed } from './plugins/method-not-allowed.js';
import { openapi } from './plugins/openapi.js';
import { problems } from './plugins/problems.js';
import { requestId, requestIdOf } from './plugins/request-id.js';
import type { Predictions } from './predictions/predictions.js';
import type { Predictor } from './predictor/predictor.js';
import { ghns } from './routes/ghns.js';
import { health } from './routes/health.js';
import { predict } from './routes/predict.js';
import type { Settings } from './settings.js';

export interface AppOptions {
  readonly settings: Settings;
  readonly logger: FastifyBaseLogger;
  readonly predictor: Predictor;
  readonly predictions: Predictions;
  readonly version: string;
}

/** The HTTP side: plugins that hold for every route, then the routes. */
export async function buildApp({
  settings,
  logger,
  predictor,
  predictions,
  version,
}: AppOptions): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: logger,
    // One line a prediction is written by its route; a line for each request and one for each response would drown it.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    bodyLimit: settings.MAX_BODY_BYTES,
    // What is under way is finished; new connections are refused, and idle ones are closed.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);

  await app.register(problems);
  await app.register(requestId);
  await app.register(jsonBody);
  await app.register(methodNotAllowed);
  await app.register(openapi, { version });

  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  await app.register(health, { isReady: () => predictor.ready && !closing });
  await app.register(ghns, { predictor });
  await app.register(predict, {
    predictions,
    limits: { maxNodes: settings.MAX_NODES, maxParameters: settings.MAX_PARAMETERS },
    timeoutMilliseconds: settings.REQUEST_TIMEOUT_MS,
  });
  app.refuseOtherMethods();
  return app;
}
