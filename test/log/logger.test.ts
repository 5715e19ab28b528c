import { describe, expect, it } from 'vitest';
import { LogDestination } from '../../src/log/destination.js';
import { createLogger, type LoggerOptions } from '../../src/log/logger.js';

/** Returns the log of two lines, one of them below the logger's level. */
function logged(options: Partial<LoggerOptions>): string {
  let text = '';
  const destination = new LogDestination((bytes, done) => {
    text += bytes.toString();
    done(null);
  });
  const logger = createLogger(destination, { level: 'info', format: 'json', colors: false, ...options });
  logger.debug('not this one');
  logger.warn({ path: '/predict' }, 'refused');
  return text;
}

describe('a line of the log', () => {
  it('is JSON, with its level by name and its time in ISO 8601', () => {
    const line = JSON.parse(logged({})) as Record<string, unknown>;
    expect(line).toMatchObject({ level: 'warn', msg: 'refused', path: '/predict' });
    expect(new Date(line.time as string).toISOString()).toBe(line.time);
  });

  it('is text for people on request', () => {
    expect(logged({ format: 'pretty' })).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d+\] WARN: refused\n {4}path: "\/predict"\n$/,
    );
  });
});
