import { stat, unlink } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { putInPlace, sha256, strangeContents } from '../contents.js';
import { download } from '../download.js';
import { send, UnreachableError } from '../http.js';
import { type Fetching, type Source, SourceError, type SourceKind } from '../source.js';
import { HUB_FORM, HUB_SCHEME, type HubAddress, hubUrl, parseHubAddress } from './address.js';
import { RepositoryCache } from './cache.js';
import { type HubFile, hubFile } from './metadata.js';
import { hubRefusal } from './refusals.js';

/** A file of a repository on Hugging Face's hub, or on a server with the same API. */
export const hub: SourceKind = {
  form: HUB_FORM,
  hasQuery: false,
  parse: (text) => (text.startsWith(HUB_SCHEME) ? hubSource(text) : null),
};

/** @throws SourceError if the text is not a valid address */
export function hubSource(text: string, id?: string): Source {
  const address = parseHubAddress(text);
  return {
    text,
    id: id ?? basename(address.file, extname(address.file)),
    async locate(fetching) {
      try {
        return await locateOnHub(text, address, fetching);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        throw new SourceError(`${text}: ${error.message}`, { cause: error });
      }
    },
  };
}

async function locateOnHub(text: string, address: HubAddress, fetching: Fetching): Promise<string> {
  const { endpoint, hubCache, token, isOffline } = fetching.environment;
  const cache = new RepositoryCache(hubCache, address.repository);
  const cached = await cache.find(address);
  if (cached !== null) return cached;
  if (isOffline) {
    throw new SourceError(
      `is not in the cache ${hubCache}, and HF_HUB_OFFLINE forbids downloads: download it on a machine with a network, with "ghn-serve fetch"`,
    );
  }
  const file = await askHub(address, fetching);
  const known = await cache.findAt(file.commit, address);
  if (known !== null) return known;
  const blob = cache.blob(file.etag);
  if (!(await isThere(blob))) {
    const atCommit = { ...address, revision: file.commit };
    await fetchBlob(blob, file, {
      ...fetching,
      request: (from) =>
        send(hubUrl(endpoint, atCommit), {
          method: 'GET',
          token,
          signal: fetching.signal,
          ...(from > 0 && { headers: { range: `bytes=${from}-` } }),
        }),
      refusal: (response) => hubRefusal(response, { address, endpoint, hasToken: token !== null }),
      onBytes: (receivedBytes, totalBytes) =>
        fetching.onProgress({ source: text, receivedBytes, totalBytes }),
    });
  }
  return cache.link(file.etag, file.commit, address);
}

async function askHub(address: HubAddress, { environment, signal }: Fetching): Promise<HubFile> {
  try {
    return await hubFile(address, { ...environment, signal });
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    throw new UnreachableError(`${error.message}; the cache ${environment.hubCache} does not have it`, {
      cause: error,
    });
  }
}

type BlobRequests = Fetching & Pick<Parameters<typeof download>[0], 'request' | 'refusal' | 'onBytes'>;

/** Fetches contents, and moves them to their place only if they match the digest that the hub gave. */
async function fetchBlob(
  blob: string,
  { sha256: digest, totalBytes }: HubFile,
  requests: BlobRequests,
): Promise<void> {
  const path = `${blob}.incomplete`;
  const { signal, onNotice } = requests;
  for (;;) {
    const wasResumed = await download({ ...requests, path, totalBytes });
    const fault = await contentsFault(path, digest, signal).catch(async (error: NodeJS.ErrnoException) => {
      // Another process downloaded the same file slightly faster and has moved it to its place.
      if (error.code === 'ENOENT' && (await isThere(blob))) return null;
      throw error;
    });
    if (fault === null) return putInPlace(path, blob);
    await unlink(path);
    if (!wasResumed) throw new SourceError(`the downloaded file ${fault}`);
    // The first part may come from a corrupt download.
    onNotice(`the earlier part of the download does not match the rest (${fault}); it is downloaded again`);
  }
}

const isThere = async (path: string) => (await stat(path).catch(() => null)) !== null;

const contentsFault = async (path: string, digest: string | null, signal: AbortSignal) =>
  (await strangeContents(path)) ?? (await digestFault(path, digest, signal));

async function digestFault(path: string, digest: string | null, signal: AbortSignal): Promise<string | null> {
  const found = digest === null ? null : await sha256(path, signal);
  if (found === digest) return null;
  return `has the wrong digest: the hub says sha256 ${digest}, it is ${found}; try again, and look for a proxy or a mirror that changes files`;
}
