import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { foreignKind } from '../checkpoint/checkpoint.js';
import { notWritten } from './download.js';

/** Size of the pieces in which a file is read to its end. */
const PIECE_BYTES = 2 ** 20;

/** The sha256 of a file, in hex. */
export async function sha256(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
    signal.throwIfAborted();
    hash.update(piece as Buffer);
  }
  return hash.digest('hex');
}

/** What came in place of a checkpoint, as the rest of a sentence; null for what can be one. */
export const strangeContents = (path: string): Promise<string | null> => foreignKind(path);

/**
 * Puts what was fetched in its place. Another who fetched the same may have done it a moment before.
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
