import { isIP } from 'node:net';
import { logTo } from './log/destination.js';
import { createLogger } from './log/logger.js';
import { buildService } from './service.js';
import type { Settings } from './settings/settings.js';
import { VERSION } from './version.js';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Time in which a repeated signal is ignored: under `npm start`, Ctrl-C arrives twice, from the terminal and from npm.
 * A later signal is intended.
 */
const REPEAT_MS = 1000;

/** Time limit for writing the last lines of the log. */
const FLUSH_MS = 1000;

const STANDARD_OUTPUT = 1;

/** Returns true if only this machine can reach the address. */
function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1';
}

/**
 * Runs the service until a signal stops it.
 *
 * @throws Error that names the fault and the remedy, if the service cannot start
 */
export async function serve(settings: Settings): Promise<void> {
  const destination = logTo(STANDARD_OUTPUT);
  const logger = createLogger(destination, {
    level: settings.LOG_LEVEL,
    format: settings.LOG_FORMAT,
    colors: process.stdout.isTTY,
  });
  const service = await buildService({
    settings,
    logger,
    version: VERSION,
    droppedLogLines: () => destination.dropped,
  });
  let isStopping = false;
  const stop = (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ signal }, 'stopping: finishing the running requests');
    void service
      .stop()
      .then(() => destination.flush(FLUSH_MS))
      .then(() => process.exit(0));
    // Once the listeners are removed, another signal ends the process at once.
    setTimeout(() => {
      for (const each of STOP_SIGNALS) process.off(each, stop);
    }, REPEAT_MS).unref();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  if (settings.API_KEYS.length === 0 && !isLoopback(settings.HOST)) {
    logger.warn(
      { host: settings.HOST },
      'ANYONE WHO CAN REACH THIS ADDRESS can use the service and delete its predictions: set API_KEYS, or listen on 127.0.0.1',
    );
  }
  try {
    await Promise.all([service.start(), service.ready]);
  } catch (error) {
    await destination.flush(FLUSH_MS);
    throw error;
  }
}
