import { send, UnreachableError } from '../http.js';
import { SourceError } from '../source.js';
import { type HubAddress, hubUrl } from './address.js';
import { hubRefusal } from './refusals.js';

/** Metadata of a file, which a hub gives before it sends the file. */
export interface HubFile {
  readonly commit: string;
  /** Name of the file's contents in the cache. */
  readonly etag: string;
  /** Digest of the contents, in hex; null if the hub does not give it. */
  readonly sha256: string | null;
  readonly totalBytes: number | null;
}

export interface HubAccess {
  readonly endpoint: string;
  readonly token: string | null;
  readonly signal: AbortSignal;
}

const SHA256 = /^[0-9a-f]{64}$/;

/** Only plain names of files and folders, because they become paths. */
const SAFE_NAME = /^[\w.-]{1,200}$/;

/**
 * @throws UnreachableError; SourceError with the reason if the file does not exist; the signal's reason once it is
 * aborted
 */
export async function hubFile(address: HubAddress, { endpoint, token, signal }: HubAccess): Promise<HubFile> {
  const url = hubUrl(endpoint, address);
  // After a redirect to the contents, the answer would not give the commit.
  const response = await send(url, { method: 'HEAD', token, signal, staysOnHost: true });
  const { status, headers } = response;
  if (status >= 400) {
    const refusal = await hubRefusal(response, { address, endpoint, hasToken: token !== null });
    throw status >= 500 || status === 429 ? new UnreachableError(refusal.message) : refusal;
  }
  const commit = headers.get('x-repo-commit');
  const linked = bare(headers.get('x-linked-etag'));
  const etag = linked ?? bare(headers.get('etag'));
  if (!commit || !etag || !SAFE_NAME.test(commit) || !SAFE_NAME.test(etag)) {
    const type = headers.get('content-type') ?? 'nothing';
    throw new SourceError(
      `${url} did not answer as a hub does, with x-repo-commit and an etag, but with ${type}: check HF_ENDPOINT, and whether a proxy or a sign-in page is in between`,
    );
  }
  const isElsewhere = status >= 300;
  const size = headers.get('x-linked-size') ?? (isElsewhere ? null : headers.get('content-length'));
  return {
    commit,
    etag,
    sha256: linked !== null && SHA256.test(linked) ? linked : null,
    totalBytes: size === null || !/^\d+$/.test(size) ? null : Number(size),
  };
}

/** Returns an etag without its quotes, as in the names of the cache's files. */
const bare = (etag: string | null) => etag?.replace(/^W\//, '').replaceAll('"', '') || null;
