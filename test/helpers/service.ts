import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { buildService, type Service } from '../../src/service.js';
import { readSettings } from '../../src/settings/settings.js';
import { VERSION } from '../../src/version.js';
import { startReplicas } from './replicas.js';
import { watchAnswers } from './watched.js';

/** A file of test/fixtures/checkpoints. */
export const checkpointFile = (name: string) =>
  fileURLToPath(new URL(`../fixtures/checkpoints/${name}`, import.meta.url));

/** Both families, the GHN-3 first: it is the default. */
export const NANO_GHNS = `ghn3-nano=${checkpointFile('ghn3-nano.pt')},ghn2-nano=${checkpointFile('ghn2-nano.pt')}`;

export interface TestService {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly service: Service;
  /** The directory of its predictions. */
  readonly store: string;
  stop(): Promise<void>;
}

/** Environment variables as someone who starts the service gives them, over those of the tests. */
export type TestSettings = Readonly<Record<string, string>>;

/** Puts a service together, with a store of its own, and starts nothing: for what holds before it is ready. */
export async function buildTestService(settings: TestSettings = {}): Promise<TestService> {
  const store = await mkdtemp(join(tmpdir(), 'ghn-serve-test-'));
  const service = await buildService({
    settings: readSettings({
      PORT: '0',
      STORE: store,
      GHN_CHECKPOINTS: NANO_GHNS,
      // It shares its event loop with the tests, which take their time.
      MAX_EVENT_LOOP_DELAY_MS: '0',
      ...settings,
    }),
    logger: pino({ level: 'silent' }),
    version: VERSION,
  });
  watchAnswers(service.app.server);
  return {
    url: '',
    service,
    store,
    async stop() {
      await service.stop();
      await rm(store, { recursive: true, force: true });
    },
  };
}

/** Whether what is called a service is several of them, whose counters, queue and files are not those of one process. */
export const IS_REPLICATED = Boolean(process.env.REPLICAS);

/** A whole service behind a socket, its GHNs loaded; with REPLICAS several of them that share a bucket and Redis. */
export async function startService(settings: TestSettings = {}): Promise<TestService> {
  return IS_REPLICATED ? startReplicas(settings, startOne) : startOne(settings);
}

async function startOne(settings: TestSettings): Promise<TestService> {
  const built = await buildTestService(settings);
  const [url] = await Promise.all([built.service.start(), built.service.ready]);
  return { ...built, url };
}

/** Holds the engine's process: predictions stay queued or running until the function that it returns is called. */
export function holdEngine({ service }: TestService): () => void {
  const pid = service.predictor.pid!;
  process.kill(pid, 'SIGSTOP');
  return () => process.kill(pid, 'SIGCONT');
}
