import { type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogDestination } from './destination.js';

export interface LoggerOptions {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** True if the destination shows colours. */
  readonly colors: boolean;
}

/** Creates a logger. Its lines have a level by name and a time in ISO 8601, as JSON or as text for people. */
export function createLogger(destination: LogDestination, { level, format, colors }: LoggerOptions): Logger {
  const pretty = prettyFactory({ colorize: colors, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' });
  const write = (line: string) => destination.write(format === 'pretty' ? (pretty(line) ?? line) : line);
  return pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
}
