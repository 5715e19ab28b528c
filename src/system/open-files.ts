import { readFileSync } from 'node:fs';

/** What Linux says of a process's limits; nothing of the kind elsewhere. */
const LIMITS = '/proc/self/limits';

/**
 * How many files, connections among them, a process may have open, by what `/proc/self/limits` holds: the soft limit,
 * which is the one that counts. Infinity where it says nothing of it.
 */
export function openFilesLimit(limits: string): number {
  const soft = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Limit of open files of this process, which Node raises at the start as far as it may. */
export function ownOpenFilesLimit(): number {
  try {
    return openFilesLimit(readFileSync(LIMITS, 'latin1'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
