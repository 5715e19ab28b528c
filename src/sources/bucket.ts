import { basename, extname } from 'node:path';
import { StoreBusyError, StoreRefusedError } from '../store/store.js';
import { UnreachableError } from './http.js';
import { type Fetching, type Source, SourceError, type SourceKind } from './source.js';
import { locateVersioned, type Note, versionOf } from './versioned.js';
import { fileName } from './web.js';

const FORM = 's3://bucket/key';

const ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/s;

/** Longer than any file takes to begin to come. */
const LINK_SECONDS = 3600;

/** An object of a bucket; credentials, region and server are those of a store in a bucket. */
export const bucket: SourceKind = {
  form: FORM,
  hasQuery: false,
  parse: (text) => (/^s3:/i.test(text) ? bucketSource(text) : null),
};

function bucketSource(text: string): Source {
  const [, name, key] = ADDRESS.exec(text) ?? [];
  const file = key === undefined ? '' : fileName({ pathname: `/${key}` });
  if (name === undefined || key === undefined || file === '') {
    throw new SourceError(`${text} is no object of a bucket; write ${FORM}`);
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
  // Few have their checkpoints in a bucket, and the SDK takes a tenth of a second to load.
  const { ObjectBucket } = await import('../store/s3/bucket.js');
  const objects = new ObjectBucket({
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
        address: () => objects.link(key, LINK_SECONDS, file),
        refusal: (status) => new SourceError(`the S3 server answered without the file (HTTP ${status})`),
      },
      fetching,
    );
  } finally {
    objects.close();
  }
}

async function ask(
  objects: { head(key: string): Promise<{ readonly etag: string; readonly modified: Date } | null> },
  url: string,
  key: string,
  note: Note | null,
): Promise<Note | null> {
  const found = await objects.head(key).catch((error: unknown) => {
    if (error instanceof StoreBusyError) throw new UnreachableError(error.message, { cause: error });
    if (error instanceof StoreRefusedError) throw new SourceError(error.message, { cause: error });
    throw error;
  });
  if (!found) throw new SourceError('there is no such object; check bucket, key and S3_ENDPOINT');
  const now: Note = {
    url,
    etag: found.etag,
    last_modified: found.modified.toUTCString(),
    fetched_at: new Date().toISOString(),
  };
  return note !== null && versionOf(note) === versionOf(now) ? null : now;
}
