import { basename, extname } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Response } from 'undici';
import type { ObjectBucket } from '../store/s3/bucket.js';
import { BucketAwayError } from '../store/s3/refusals.js';
import { StoreRefusedError } from '../store/store.js';
import { UnreachableError } from './http.js';
import { type Fetching, type Source, SourceError, type SourceKind } from './source.js';
import { locateVersioned, type Note, versionOf } from './versioned.js';
import { fileName } from './web.js';

const FORM = 's3://bucket/key';

const ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/s;

/** An object in a bucket. Credentials, region and server are configured like those of a store in a bucket. */
export const bucket: SourceKind = {
  form: FORM,
  hasQuery: false,
  parse: (text) => (/^s3:/i.test(text) ? bucketSource(text) : null),
};

function bucketSource(text: string): Source {
  const [, name, key] = ADDRESS.exec(text) ?? [];
  const file = key === undefined ? '' : fileName({ pathname: `/${key}` });
  if (name === undefined || key === undefined || file === '') {
    throw new SourceError(`${text} is not an object in a bucket; write ${FORM}`);
  }
  return {
    text,
    id: basename(file, extname(file)),
    async locate(fetching) {
      try {
        return await locateInBucket(text, name, key, file, fetching);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        throw new SourceError(`${text}: ${error.message}`, { cause: error });
      }
    },
  };
}

async function locateInBucket(
  text: string,
  name: string,
  key: string,
  file: string,
  fetching: Fetching,
): Promise<string> {
  // Loaded only here: few checkpoints are in buckets, and the SDK takes a tenth of a second to load.
  const { ObjectBucket: Bucket } = await import('../store/s3/bucket.js');
  const objects = new Bucket({
    bucket: name,
    prefix: '',
    ...(fetching.environment.s3Endpoint && { endpoint: fetching.environment.s3Endpoint }),
  });
  try {
    return await locateVersioned(
      {
        name: file,
        shown: text,
        key: text,
        ask: (note) => ask(objects, text, key, note),
        request: (from, now) => request(objects, text, key, from, now),
        refusal: (status) => new SourceError(`the S3 server answered without the file (HTTP ${status})`),
      },
      fetching,
    );
  } finally {
    objects.close();
  }
}

/**
 * Uses the SDK, not a presigned address: undici 7 ends the process if a server closes a connection that is read slowly
 * (its issue 5360).
 */
async function request(
  objects: ObjectBucket,
  text: string,
  key: string,
  from: number,
  { etag }: Note,
): Promise<Response> {
  const found = await objects.stream(key, from, etag!).catch(asSourceError);
  const response = found
    ? new Response(Readable.toWeb(found.body) as ReadableStream, {
        status: from > 0 ? 206 : 200,
        headers: {
          'content-length': String(found.length),
          ...(from > 0 && { 'content-range': `bytes ${from}-${from + found.length - 1}/*` }),
        },
      })
    : // The object has another version now, so the downloaded part is discarded.
      new Response(null, { status: 416 });
  return Object.defineProperty(response, 'url', { value: text });
}

function asSourceError(error: unknown): never {
  if (error instanceof BucketAwayError) throw new UnreachableError(error.detail, { cause: error });
  if (error instanceof StoreRefusedError) throw new SourceError(error.message, { cause: error });
  throw error;
}

async function ask(objects: ObjectBucket, url: string, key: string, note: Note | null): Promise<Note | null> {
  const found = await objects.head(key).catch(asSourceError);
  if (!found) throw new SourceError('there is no such object; check bucket, key and S3_ENDPOINT');
  const now: Note = {
    url,
    etag: found.etag,
    last_modified: found.modified.toUTCString(),
    fetched_at: new Date().toISOString(),
  };
  return note !== null && versionOf(note) === versionOf(now) ? null : now;
}
