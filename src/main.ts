#!/usr/bin/env node
import { pino } from 'pino';
import { buildService } from './service.js';
import { readSettings } from './settings.js';
import { VERSION } from './version.js';

/** Where the process ends because of what it was started with: neither a crash nor a success. */
const EXIT_CODE_REFUSED = 2;

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Ctrl-C under `npm start` comes twice, from the terminal and from npm. Who sends a signal later than this means it. */
const REPEAT_MS = 1000;

try {
  const settings = readSettings(process.env);
  const logger = pino({ level: settings.LOG_LEVEL });
  const service = await buildService({ settings, logger, version: VERSION });
  let isStopping = false;
  const stop = (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ signal }, 'stopping: what is under way is finished');
    void service.stop().then(() => process.exit(0));
    // Without a listener a signal ends the process at once.
    setTimeout(() => {
      for (const each of STOP_SIGNALS) process.off(each, stop);
    }, REPEAT_MS).unref();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  await Promise.all([service.start(), service.ready]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(EXIT_CODE_REFUSED);
}
