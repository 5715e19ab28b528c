import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { foreignKind } from '../checkpoint/checkpoint.js';
import { notWritten } from './download.js';

/** Size of the pieces in which a file is read. */
const PIECE_BYTES = 2 ** 20;

/** Returns the sha256 of a file, in hex. */
export async function sha256(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
    signal.throwIfAborted();
    hash.update(piece as Buffer);
  }
  return hash.digest('hex');
}

/** Describes a file that cannot be a checkpoint, as the rest of a sentence; null for one that can. */
export const strangeContents = (path: string): Promise<string | null> => foreignKind(path);

/**
 * Moves a fetched file to its place. Another process that fetched the same file may have done so a moment before.
 *
 * @throws SourceError
 */
export async function putInPlace(fetched: string, path: string): Promise<void> {
  try {
    await rename(fetched, path);
  } catch (error) {
    const isThere =
      (error as NodeJS.ErrnoException).code === 'ENOENT' && (await stat(path).catch(() => null));
    if (!isThere) throw notWritten(path, error);
  }
}
