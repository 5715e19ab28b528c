import { systemDescription } from '../../system/system-error.js';

/** The operating system's code of an error, such as ENOENT; undefined if the error has none. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/**
 * Codes of errors that do not concern the file itself: this process or the machine is short of something, the file
 * server does not answer now, or the file was closed before it was read (EBADF).
 */
const NOT_OF_THE_FILE: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'EINTR',
  'ETIMEDOUT',
  'EBADF',
]);

const SHORTAGES: Readonly<Record<string, string>> = {
  EMFILE: 'file descriptors (of this process)',
  ENFILE: 'file descriptors (of the machine)',
  ENOMEM: 'memory',
  EAGAIN: 'resources',
};

/**
 * The resource that the system is short of, if a call failed for that reason. Then the error says nothing about the
 * file.
 */
export function shortageOf(error: unknown): string | undefined {
  return SHORTAGES[errorCode(error) ?? ''];
}

/**
 * The error code if the file itself is to blame: it is missing, something else is in its place, or the disk cannot
 * read it. Every file system has its own codes for that, so all codes count except those in NOT_OF_THE_FILE.
 * Otherwise undefined.
 */
export function damageCode(error: unknown): string | undefined {
  const code = errorCode(error);
  // Node itself refuses such a file, not the system: no file that the store reads whole is that large.
  if (code === 'ERR_FS_FILE_TOO_LARGE') return code;
  const isOfTheSystem = error instanceof Error && (error as NodeJS.ErrnoException).errno !== undefined;
  return isOfTheSystem && code !== undefined && !NOT_OF_THE_FILE.has(code) ? code : undefined;
}

/** Returns true if the disk is full, or this user's quota is used up. */
export function isFull(error: unknown): boolean {
  return errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT';
}

/** An error that says what could not be done, and why. */
export function failure(what: string, cause: unknown): Error {
  return new Error(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}

/** The system's description of why a call failed, without paths, so that clients may see it. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  // Node has no description for some codes of a damaged file system (`Unknown system error -117`), so the code is
  // returned.
  return systemDescription(error) ?? code ?? message;
}
