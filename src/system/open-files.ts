import { readFileSync } from 'node:fs';

/** File in which Linux gives the limits of a process. Other systems have none. */
const LIMITS = '/proc/self/limits';

/**
 * Returns the number of files, including connections, that a process may have open. It is the soft limit in the text of
 * `/proc/self/limits`; Infinity if the text has none.
 */
export function openFilesLimit(limits: string): number {
  const soft = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Returns this process's limit of open files, which Node raises at its start as far as it may. */
export function ownOpenFilesLimit(): number {
  try {
    return openFilesLimit(readFileSync(LIMITS, 'latin1'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
