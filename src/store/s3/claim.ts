import { randomUUID } from 'node:crypto';
import { StoreRefusedError } from '../store.js';
import type { ObjectBucket } from './bucket.js';
import { MARKER } from './keys.js';

const MARKER_BYTES = Buffer.from(`${JSON.stringify({ store: 'ghn-serve', layout: 1 })}\n`);

/** Claims a prefix for a store. Only an empty prefix, or one that has the store's marker, is accepted. */
export async function claimBucket(bucket: ObjectBucket): Promise<void> {
  if (await bucket.get(MARKER)) return;
  const { objects } = await bucket.page('', undefined, 1);
  // Another service may have marked and used it between the two requests.
  if (objects.length > 0 && !(await bucket.get(MARKER))) {
    throw new StoreRefusedError(
      `the bucket holds something that is not a store of ghn-serve (${JSON.stringify(objects[0].key)}): set STORE to an ` +
        'unused prefix, s3://bucket/prefix',
    );
  }
  await bucket.put(MARKER, MARKER_BYTES, { isNew: true });
}

/**
 * Refuses a bucket that ignores conditions, since two services would overwrite each other's predictions.
 *
 * @throws StoreRefusedError
 */
export async function probeBucket(bucket: ObjectBucket): Promise<void> {
  const key = `probe/${randomUUID()}`;
  const bytes = Buffer.from('probe');
  try {
    const isHeeded =
      (await bucket.put(key, bytes, { isNew: true })) &&
      !(await bucket.put(key, bytes, { isNew: true })) &&
      !(await bucket.put(key, bytes, { etag: '"00000000000000000000000000000000"' }));
    if (isHeeded) return;
    throw new StoreRefusedError(
      'the S3 server ignores If-None-Match and If-Match when objects are written, so services that share a bucket would ' +
        'overwrite each other’s predictions: use a server that supports them',
    );
  } finally {
    await bucket.remove(key).catch(() => {});
  }
}
