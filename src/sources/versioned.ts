import { createHash, randomUUID } from 'node:crypto';
import { readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Response } from 'undici';
import { z } from 'zod';
import { putInPlace, strangeContents } from './contents.js';
import { download, makeFolder, notWritten } from './download.js';
import { UnreachableError } from './http.js';
import { type Fetching, SourceError } from './source.js';

/** Number of digits of an address's digest in a folder's name: enough that no two addresses share one. */
const KEY_DIGITS = 32;

/** Stored beside a downloaded file: the version of the file. */
const noteSchema = z.object({
  url: z.string(),
  etag: z.string().nullable(),
  last_modified: z.string().nullable(),
  fetched_at: z.string(),
});
export type Note = z.output<typeof noteSchema>;

/** A remote file that may change over time. */
export interface Versioned {
  /** The file's name in the cache. */
  readonly name: string;
  /** The file's name in messages. */
  readonly shown: string;
  /** A key that no other file has. */
  readonly key: string;
  /**
   * Asks for the current version; null if the version in the note is still valid.
   *
   * @throws UnreachableError if a cached copy may be used instead; SourceError
   */
  readonly ask: (note: Note | null) => Promise<Note | null>;
  /** Requests the bytes from there to the end, if the file still has that version. */
  readonly request: (from: number, now: Note) => Promise<Response>;
  /** Returns the error for an answer without the file. */
  readonly refusal: (status: number) => SourceError;
}

/**
 * Returns the file in the cache, which is downloaded again if there is a new version.
 *
 * @throws SourceError; the signal's reason once it is aborted
 */
export async function locateVersioned(
  { name, shown, key, ask, request, refusal }: Versioned,
  fetching: Fetching,
): Promise<string> {
  const { environment, signal, onNotice, onProgress } = fetching;
  const folder = join(environment.urlCache, digest(key));
  const path = join(folder, name);
  const notePath = join(folder, 'source.json');
  const note = (await isFile(path)) ? await readNote(notePath) : null;
  if (environment.isOffline) {
    if (note !== null) return path;
    throw new SourceError(
      `is not in the cache ${environment.urlCache}, and HF_HUB_OFFLINE forbids downloads: download it on a machine with a network, with "ghn-serve fetch"`,
    );
  }
  const now = await ask(note).catch((error: unknown) => {
    if (note === null || !(error instanceof UnreachableError)) throw error;
    onNotice(`${shown}: ${error.message}; the copy of ${note.fetched_at} in the cache is used`);
    return null;
  });
  if (now === null) return path;
  await makeFolder(folder);
  // The name contains the version, so that the rest of another version is never appended.
  const version = versionOf(now);
  const incomplete = `${path}.${version === null ? randomUUID() : digest(version)}.incomplete`;
  const fetched = download({
    path: incomplete,
    totalBytes: null,
    request: (from) => request(from, now),
    refusal: async (response) => {
      await response.body?.cancel();
      return refusal(response.status);
    },
    signal,
    onBytes: (receivedBytes, totalBytes) => onProgress({ source: shown, receivedBytes, totalBytes }),
    ...(fetching.retryDelays && { retryDelays: fetching.retryDelays }),
  });
  // Without a version, a later download could not continue the file.
  await (version === null ? fetched.catch((error: unknown) => removeAndThrow(incomplete, error)) : fetched);
  const fault = await strangeContents(incomplete);
  if (fault !== null) {
    await unlink(incomplete);
    throw new SourceError(`the downloaded file ${fault}`);
  }
  await putInPlace(incomplete, path);
  await writeFile(notePath, JSON.stringify(now, null, 2)).catch((error: unknown) => {
    throw notWritten(notePath, error);
  });
  return path;
}

async function removeAndThrow(path: string, error: unknown): Promise<never> {
  await unlink(path).catch(() => {});
  throw error;
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, KEY_DIGITS);

const isFile = async (path: string) => (await stat(path).catch(() => null))?.isFile() ?? false;

async function readNote(path: string): Promise<Note | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch {
    // The note is incomplete or from another program, so the file is fetched again.
    return null;
  }
}

/** Returns the version of a file; null if the server does not distinguish versions. */
export const versionOf = ({ etag, last_modified }: Note) => etag ?? last_modified;
