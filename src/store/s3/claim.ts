import { randomUUID } from 'node:crypto';
import { StoreRefusedError } from '../store.js';
import type { ObjectBucket } from './bucket.js';
import { MARKER } from './keys.js';

const MARKER_BYTES = Buffer.from(`${JSON.stringify({ store: 'ghn-serve', layout: 1 })}\n`);

/** Only a prefix with nothing under it, or one that bears the store's own mark, becomes a store. */
export async function claimBucket(bucket: ObjectBucket): Promise<void> {
  if (await bucket.get(MARKER)) return;
  const { objects } = await bucket.page('', undefined, 1);
  // Another service may have marked it meanwhile, and have begun to use it.
  if (objects.length > 0 && !(await bucket.get(MARKER))) {
    throw new StoreRefusedError(
      `the bucket holds something that is no store of ghn-serve (${JSON.stringify(objects[0].key)}): name a prefix of its ` +
        'own as STORE, s3://bucket/prefix',
    );
  }
  await bucket.put(MARKER, MARKER_BYTES, { isNew: true });
}

/**
 * Refuses a bucket that takes no heed of conditions: two services would overwrite each other's predictions.
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
      'the S3 server does not heed If-None-Match and If-Match when objects are written, without which services that share ' +
        'a bucket overwrite each other’s predictions: take one that does',
    );
  } finally {
    await bucket.remove(key).catch(() => {});
  }
}
