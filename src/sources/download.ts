import { constants } from 'node:fs';
import { mkdir, open, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Response } from 'undici';
import { systemDescription } from '../system/system-error.js';
import { UnreachableError, unreachable } from './http.js';
import { SourceError } from './source.js';

/** Delays before each further try after a connection has failed, in milliseconds. */
const RETRY_DELAYS = [500, 1000, 2000, 4000, 8000];

/** Returns true for a temporary error: 408, 425, 429, or an error of the server. */
const isPassing = (status: number) => status === 408 || status === 425 || status === 429 || status >= 500;

export interface Download {
  /** The file that is written. The bytes that it has already are kept. */
  readonly path: string;
  /** Size of the whole file; null if it is not known beforehand. */
  readonly totalBytes: number | null;
  /** Requests the bytes from there to the end. */
  readonly request: (from: number) => Promise<Response>;
  /** Returns the error for an answer without the file. */
  readonly refusal: (response: Response) => Promise<SourceError>;
  readonly signal: AbortSignal;
  readonly onBytes: (receivedBytes: number, totalBytes: number | null) => void;
  readonly retryDelays?: readonly number[];
}

/**
 * Downloads the missing part of a file, over as many connections as needed. Pieces are written at their positions, so
 * that two processes can download the same file to the same path.
 *
 * @returns true if part of the file was there before
 * @throws SourceError; the signal's reason once it is aborted. The received bytes stay for the next time.
 */
export async function download(wanted: Download): Promise<boolean> {
  const { path, signal, totalBytes, retryDelays = RETRY_DELAYS } = wanted;
  await makeFolder(dirname(path));
  const before = await sizeOf(path);
  if (totalBytes !== null && before > totalBytes) await unlink(path);
  let failures = 0;
  for (;;) {
    const from = await sizeOf(path);
    if (totalBytes !== null && from === totalBytes && from > 0) break;
    try {
      await attempt(wanted, from);
      break;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UnreachableError)) throw error;
      if ((await sizeOf(path)) > from) failures = 0;
      if (failures === retryDelays.length) throw error;
      await setTimeout(retryDelays[failures++], undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
  return before > 0;
}

async function attempt(
  { path, request, refusal, totalBytes, onBytes }: Download,
  from: number,
): Promise<void> {
  const response = await request(from);
  const { status, headers, body } = response;
  if (status === 416 && from > 0) {
    await body?.cancel();
    await unlink(path);
    throw new UnreachableError('the file has changed on the server since its download began; try again');
  }
  if (!response.ok || !body) {
    const error = await refusal(response);
    throw isPassing(status) ? new UnreachableError(error.message, { cause: error }) : error;
  }
  const host = new URL(response.url).host;
  const start = status === 206 ? startOf(headers.get('content-range')) : 0;
  const length = Number(headers.get('content-length') ?? Number.NaN);
  const fault = bodyFault(response, { start, from, length, totalBytes });
  if (fault !== null) {
    await body.cancel();
    throw new SourceError(`${host} ${fault}`);
  }
  const total = totalBytes ?? (Number.isFinite(length) ? start + length : null);
  await using file = await openToWrite(path);
  let position = start;
  onBytes(position, total);
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await pieces.next().catch((error: unknown) => {
      throw unreachable(host, error);
    });
    if (done) break;
    await writeAll(file, value as Uint8Array, position, path);
    position += (value as Uint8Array).length;
    onBytes(position, total);
  }
  if (total !== null && position < total) {
    throw new UnreachableError(`${host} ended the connection after ${position} of ${total} bytes; try again`);
  }
  if (total !== null && position > total) {
    throw new SourceError(`${host} sent ${position} bytes of a file of ${total}`);
  }
  // A whole file sent in place of the rest may be shorter than the old content.
  if (total === null) await file.truncate(position);
}

interface Body {
  readonly start: number;
  readonly from: number;
  /** NaN if the answer does not give it. */
  readonly length: number;
  readonly totalBytes: number | null;
}

/** Returns the reason why a body cannot be the file or the rest of it, as the rest of a sentence; null if it can. */
function bodyFault({ headers }: Response, { start, from, length, totalBytes }: Body): string | null {
  if (/text\/html/i.test(headers.get('content-type') ?? '')) {
    return 'sent a web page (text/html) instead of the file: open the address in a browser';
  }
  if (!(start <= from)) return `sent a range that was not requested: ${headers.get('content-range')}`;
  if (totalBytes !== null && start + length !== totalBytes && !Number.isNaN(length)) {
    return `sent ${length} bytes instead of ${totalBytes - start}`;
  }
  return null;
}

const startOf = (contentRange: string | null): number =>
  Number(/^bytes (\d+)-/.exec(contentRange ?? '')?.[1] ?? Number.NaN);

type File = Awaited<ReturnType<typeof open>>;

async function writeAll(file: File, bytes: Uint8Array, position: number, path: string): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file
      .write(bytes, written, bytes.length - written, position + written)
      .catch((error: unknown) => {
        throw notWritten(path, error);
      });
    written += bytesWritten;
  }
}

async function openToWrite(path: string): Promise<File> {
  try {
    return await open(path, constants.O_CREAT | constants.O_WRONLY);
  } catch (error) {
    throw notWritten(path, error);
  }
}

/** @throws SourceError */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw notWritten(folder, error);
  }
}

/** Returns the error for a cache that cannot be written to. */
export function notWritten(path: string, error: unknown): SourceError {
  const words = systemDescription(error) ?? (error as Error).message;
  const remedy = 'HF_HOME sets another folder for files from the hub, XDG_CACHE_HOME for all downloads';
  return new SourceError(`${path} cannot be written: ${words}; ${remedy}`, { cause: error });
}

/** Returns the size of a file; 0 if it does not exist. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
