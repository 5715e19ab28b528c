import { basename, extname } from 'node:path';
import { send, UnreachableError } from './http.js';
import { type Source, SourceError, type SourceKind } from './source.js';
import { locateVersioned, type Note, versionOf } from './versioned.js';

/** Hosts to which a plain connection does not leave this machine. */
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** A file at an HTTP address. */
export const web: SourceKind = {
  form: 'https://…',
  hasQuery: true,
  parse: (text) => (/^https?:\/\//i.test(text) ? webSource(text) : null),
};

function webSource(text: string): Source {
  if (!URL.canParse(text))
    throw new SourceError(`${text} is not an address; write https://host/path/file.pt`);
  const url = new URL(text);
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  if (url.username !== '' || url.password !== '') {
    throw new SourceError(
      `${shown}: an address with a password is not supported; download the file, and give its path`,
    );
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw new SourceError(`${shown}: a download over http:// can be changed on the way; write https://`);
  }
  const name = fileName(url);
  if (name === '') throw new SourceError(`${shown} names no file; write https://host/path/file.pt`);
  return {
    text: shown,
    id: basename(name, extname(name)),
    async locate(fetching) {
      try {
        return await locateVersioned(
          {
            name,
            shown,
            key: url.href,
            ask: (note) => ask(url, note, fetching.signal),
            request: (from, { etag }) =>
              send(url.href, {
                method: 'GET',
                signal: fetching.signal,
                ...(from > 0 && {
                  headers: { range: `bytes=${from}-`, ...(etag !== null && { 'if-range': etag }) },
                }),
              }),
            refusal,
          },
          fetching,
        );
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        throw new SourceError(`${shown}: ${error.message}`, { cause: error });
      }
    },
  };
}

/** Returns the last part of a path as a file name that is valid on every system. */
export function fileName({ pathname }: Pick<URL, 'pathname'>): string {
  const last = pathname.slice(pathname.lastIndexOf('/') + 1);
  return last
    .replaceAll(/%[0-9a-f]{2}|[^\w.-]/gi, '_')
    .slice(-100)
    .replace(/^\.+$/, '');
}

/**
 * Asks for the current version of the file; null if the version in the note is still valid.
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
  // Signed addresses are often valid only for GET. Any error then shows when the file is fetched.
  if (!ok && note === null) return newNote(url, null, null);
  if (!ok) throw new UnreachableError(refusal(status).message);
  const now = newNote(url, told.get('etag'), told.get('last-modified'));
  const version = versionOf(now);
  return note !== null && (version === null || version === versionOf(note)) ? null : now;
}

const newNote = (url: URL, etag: string | null, lastModified: string | null): Note => ({
  // The query is left out because it may contain a signature.
  url: `${url.origin}${url.pathname}`,
  etag,
  last_modified: lastModified,
  fetched_at: new Date().toISOString(),
});

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'it needs a sign-in; download the file yourself, and give its path',
  403: 'access to it is forbidden; download the file yourself, and give its path',
  404: 'there is no file at this address; check it',
  410: 'the file is no longer at this address; look for another',
};

const refusal = (status: number) =>
  new SourceError(`${REFUSALS[status] ?? 'the server answered without the file'} (HTTP ${status})`);
