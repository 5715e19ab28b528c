import { createHash, randomUUID } from 'node:crypto';
import { readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { z } from 'zod';
import { putInPlace, strangeContents } from './contents.js';
import { download, makeFolder, notWritten } from './download.js';
import { send, UnreachableError } from './http.js';
import { type Fetching, type Source, SourceError, type SourceKind } from './source.js';

/** Digits of an address's digest in a folder's name: enough for no two addresses to share one. */
const KEY_DIGITS = 32;

/** Hosts that a plain connection does not leave this machine for. */
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** Beside a file from an address: which version of it this is. */
const noteSchema = z.object({
  url: z.string(),
  etag: z.string().nullable(),
  last_modified: z.string().nullable(),
  fetched_at: z.string(),
});
type Note = z.output<typeof noteSchema>;

/** A file at an address. */
export const web: SourceKind = {
  form: 'https://…',
  hasQuery: true,
  parse: (text) => (/^https?:\/\//i.test(text) ? webSource(text) : null),
};

function webSource(text: string): Source {
  if (!URL.canParse(text)) throw new SourceError(`${text} is no address; write https://host/path/file.pt`);
  const url = new URL(text);
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  if (url.username !== '' || url.password !== '') {
    throw new SourceError(
      `${shown}: an address with a password is not fetched; fetch the file, and name its path`,
    );
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw new SourceError(`${shown}: what comes over http:// can be changed on the way; write https://`);
  }
  const name = fileName(url);
  if (name === '') throw new SourceError(`${shown} names no file; write https://host/path/file.pt`);
  return {
    text: shown,
    id: basename(name, extname(name)),
    async locate(fetching) {
      try {
        return await locateOnWeb(url, name, shown, fetching);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        throw new SourceError(`${shown}: ${error.message}`, { cause: error });
      }
    },
  };
}

/** The last part of its path, as a file can be called everywhere. */
function fileName({ pathname }: URL): string {
  const last = pathname.slice(pathname.lastIndexOf('/') + 1);
  return last
    .replaceAll(/%[0-9a-f]{2}|[^\w.-]/gi, '_')
    .slice(-100)
    .replace(/^\.+$/, '');
}

async function locateOnWeb(url: URL, name: string, shown: string, fetching: Fetching): Promise<string> {
  const { environment, signal, onNotice, onProgress } = fetching;
  const folder = join(environment.urlCache, digest(url.href));
  const path = join(folder, name);
  const notePath = join(folder, 'source.json');
  const note = (await isFile(path)) ? await readNote(notePath) : null;
  if (environment.isOffline) {
    if (note !== null) return path;
    throw new SourceError(
      `is not in the cache ${environment.urlCache}, and HF_HUB_OFFLINE forbids to fetch it: fetch it where there is a network, with "ghn-serve fetch"`,
    );
  }
  const now = await ask(url, note, signal).catch((error: unknown) => {
    if (note === null || !(error instanceof UnreachableError)) throw error;
    onNotice(`${shown}: ${error.message}; the copy of ${note.fetched_at} in the cache is used`);
    return null;
  });
  if (now === null) return path;
  await makeFolder(folder);
  // Named by the version, so that the rest of another is never put behind it.
  const version = versionOf(now);
  const incomplete = `${path}.${version === null ? randomUUID() : digest(version)}.incomplete`;
  const fetched = download({
    path: incomplete,
    totalBytes: null,
    request: (from) =>
      send(url.href, {
        method: 'GET',
        signal,
        ...(from > 0 && {
          headers: { range: `bytes=${from}-`, ...(now.etag !== null && { 'if-range': now.etag }) },
        }),
      }),
    refusal: async (response) => {
      await response.body?.cancel();
      return refusal(response.status);
    },
    signal,
    onBytes: (receivedBytes, totalBytes) => onProgress({ source: shown, receivedBytes, totalBytes }),
    ...(fetching.retryDelays && { retryDelays: fetching.retryDelays }),
  });
  // Nobody could go on with it.
  await (version === null ? fetched.catch((error: unknown) => removeAndThrow(incomplete, error)) : fetched);
  const fault = await strangeContents(incomplete);
  if (fault !== null) {
    await unlink(incomplete);
    throw new SourceError(`what came ${fault}`);
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
    // It was written by something else, or half: the file is fetched again.
    return null;
  }
}

/**
 * Which version of the file there is now; null where the one that the note is of will do.
 *
 * @throws UnreachableError
 */
async function ask(url: URL, note: Note | null, signal: AbortSignal): Promise<Note | null> {
  const headers = {
    ...(note?.etag && { 'if-none-match': note.etag }),
    ...(note?.last_modified && { 'if-modified-since': note.last_modified }),
  };
  const { status, ok, headers: told } = await send(url.href, { method: 'HEAD', signal, headers });
  if (status === 304) return null;
  // Addresses with a signature are often good for GET alone: what is wrong then is said when the file is fetched.
  if (!ok && note === null) return newNote(url, null, null);
  if (!ok) throw new UnreachableError(refusal(status).message);
  const now = newNote(url, told.get('etag'), told.get('last-modified'));
  const version = versionOf(now);
  return note !== null && (version === null || version === versionOf(note)) ? null : now;
}

/** Null where the server does not tell one version from another. */
const versionOf = ({ etag, last_modified }: Note) => etag ?? last_modified;

const newNote = (url: URL, etag: string | null, lastModified: string | null): Note => ({
  // Without its query, which may hold a signature.
  url: `${url.origin}${url.pathname}`,
  etag,
  last_modified: lastModified,
  fetched_at: new Date().toISOString(),
});

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'it wants a sign-in; fetch the file yourself, and name its path',
  403: 'nobody may fetch it without leave; fetch the file yourself, and name its path',
  404: 'there is nothing; check the address',
  410: 'there is nothing any more; look for another address',
};

const refusal = (status: number) =>
  new SourceError(`${REFUSALS[status] ?? 'the server answered without the file'} (HTTP ${status})`);
