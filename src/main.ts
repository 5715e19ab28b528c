#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { startService } from './service.js';
import { readSettings, SettingsError } from './settings.js';

/** Where the process ends because of what it was started with: neither a crash nor a success. */
const EXIT_CODE_REFUSED = 2;

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

try {
  const settings = readSettings(process.env);
  const logger = pino({ level: settings.LOG_LEVEL });
  const service = await startService({ settings, logger, version: packageVersion() });
  const stop = (signal: string) => {
    logger.info({ signal }, 'stopping: what is under way is finished');
    void service.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await service.ready;
} catch (error) {
  console.error(error instanceof SettingsError || error instanceof Error ? error.message : error);
  process.exit(EXIT_CODE_REFUSED);
}
