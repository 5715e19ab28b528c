import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { buildService, type Service } from '../../src/service.js';
import { readSettings } from '../../src/settings/settings.js';
import { VERSION } from '../../src/version.js';
import { metric } from './http.js';
import { startReplicas } from './replicas.js';
import { watchAnswers } from './watched.js';

/** Returns the path of a file in test/fixtures/checkpoints. */
export const checkpointFile = (name: string) =>
  fileURLToPath(new URL(`../fixtures/checkpoints/${name}`, import.meta.url));

/** Checkpoints of both families. The GHN-3 is first, so it is the default. */
export const NANO_GHNS = `ghn3-nano=${checkpointFile('ghn3-nano.pt')},ghn2-nano=${checkpointFile('ghn2-nano.pt')}`;

/** A service that is put together, and may not have started. */
export interface BuiltService {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly service: Service;
  /** The directory of its predictions. */
  readonly store: string;
  stop(): Promise<void>;
}

export interface TestService extends BuiltService {
  /** The value of a counter, summed over all processes of the service. */
  total(name: string, labels?: string): Promise<number>;
  /** Stops it and starts another on the same store, which is to be stopped in its place. */
  restart(): Promise<TestService>;
}

/** Environment variables of the service, which override those of the tests. */
export type TestSettings = Readonly<Record<string, string>>;

/** Builds a service with a temporary store and starts nothing, for tests before it is ready. */
export async function buildTestService(settings: TestSettings = {}): Promise<BuiltService> {
  return buildOn(await mkdtemp(join(tmpdir(), 'ghn-serve-test-')), settings);
}

async function buildOn(store: string, settings: TestSettings): Promise<BuiltService> {
  const service = await buildService({
    settings: readSettings({
      PORT: '0',
      STORE: store,
      GHN_CHECKPOINTS: NANO_GHNS,
      // The service shares its event loop with the tests, which block it at times.
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

/** True if a test's service consists of several processes. */
const IS_REPLICATED = Boolean(process.env.REPLICAS);

/**
 * Starts a whole service behind a socket and waits until its GHNs are loaded; with REPLICAS, several that share a
 * bucket and Redis.
 */
export async function startService(settings: TestSettings = {}): Promise<TestService> {
  return IS_REPLICATED ? startReplicas(settings, startOne) : startOne(settings);
}

async function startOne(settings: TestSettings): Promise<TestService> {
  return startOn(await mkdtemp(join(tmpdir(), 'ghn-serve-test-')), settings);
}

async function startOn(store: string, settings: TestSettings): Promise<TestService> {
  const built = await buildOn(store, settings);
  const [url] = await Promise.all([built.service.start(), built.service.ready]);
  return {
    ...built,
    url,
    total: (name, labels) => metric(url, name, labels),
    async restart() {
      await built.service.stop();
      return startOn(store, settings);
    },
  };
}

/** Stops the engine's process, so that predictions stay queued or running. Returns a function that resumes it. */
export function holdEngine({ service }: TestService): () => void {
  const pid = service.predictor.pid!;
  process.kill(pid, 'SIGSTOP');
  return () => process.kill(pid, 'SIGCONT');
}
