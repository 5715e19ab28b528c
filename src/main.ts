#!/usr/bin/env node
import { pino } from 'pino';
import { buildService } from './service.js';
import { readSettings } from './settings.js';
import { VERSION } from './version.js';

/** Where the process ends because of what it was started with: neither a crash nor a success. */
const EXIT_CODE_REFUSED = 2;

try {
  const settings = readSettings(process.env);
  const logger = pino({ level: settings.LOG_LEVEL });
  const service = await buildService({ settings, logger, version: VERSION });
  const stop = (signal: string) => {
    logger.info({ signal }, 'stopping: what is under way is finished');
    void service.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await Promise.all([service.start(), service.ready]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(EXIT_CODE_REFUSED);
}
