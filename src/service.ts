import type { FastifyBaseLogger } from 'fastify';
import { buildApp } from './app.js';
import { Predictions } from './predictions/predictions.js';
import { Predictor } from './predictor/predictor.js';
import { Queue } from './queue/queue.js';
import type { Settings } from './settings.js';
import { DirectoryStore } from './store/directory/directory-store.js';

export interface ServiceOptions {
  readonly settings: Settings;
  readonly logger: FastifyBaseLogger;
  readonly version: string;
}

export interface Service {
  /** `http://host:port`, as it listens. */
  readonly address: string;
  /** Settles when the GHNs are loaded; rejects where they cannot be. */
  readonly ready: Promise<void>;
  /** Finishes what is under way, refuses the rest, and lets go of everything. */
  stop(): Promise<void>;
}

/** Puts the parts together and listens; the GHNs load meanwhile, and /readyz says when they are there. */
export async function startService({ settings, logger, version }: ServiceOptions): Promise<Service> {
  const store = await DirectoryStore.open(settings.STORE, {
    maxBytes: settings.STORE_MAX_BYTES,
    onProblem: (message) => logger.warn(message),
  });
  const predictor = new Predictor(
    {
      engine: { engine: settings.ENGINE, device: settings.DEVICE },
      checkpoints: settings.GHN_CHECKPOINTS ?? [],
    },
    { onProblem: (message) => logger.error(message), onNotice: (message) => logger.warn(message) },
  );
  const predictions = new Predictions({
    predictor,
    store,
    queue: new Queue(settings.MAX_QUEUE),
    version,
    onStoreError: (error, prediction) => logger.error({ err: error, prediction }, 'not stored'),
  });
  const app = await buildApp({ settings, logger, predictor, predictions, version });
  const stop = async () => {
    await app.close();
    await predictions.settle();
    await predictor.close();
    await store.close();
  };
  try {
    const address = await app.listen({ host: settings.HOST, port: settings.PORT });
    const ready = predictor.started.then(({ engine, ghns }) => {
      logger.info({ engine, ghns: ghns.map(({ id }) => id) }, 'ready');
    });
    return { address, ready, stop };
  } catch (error) {
    predictor.started.catch(() => {});
    await stop();
    throw error;
  }
}
