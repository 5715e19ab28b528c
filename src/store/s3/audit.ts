import type { ObjectBucket } from './bucket.js';
import { INDEX, parseIndexKey, parseRecordKey, RECORDS } from './keys.js';

/**
 * Compares the commits with the index. Calls `onUnlisted` for each commit that has no index key, and removes index
 * keys that have no commit.
 *
 * @param before in milliseconds since 1970; newer index keys are kept, since their commit may still follow
 */
export async function audit(
  bucket: ObjectBucket,
  before: number,
  onUnlisted: (id: string) => Promise<void>,
): Promise<void> {
  const listed = new Map<string, { readonly key: string; readonly modified: Date }[]>();
  for await (const object of bucket.all(INDEX)) {
    const id = parseIndexKey(object.key)?.id;
    if (id !== undefined) listed.set(id, [...(listed.get(id) ?? []), object]);
  }
  for await (const { key } of bucket.all(RECORDS)) {
    const id = parseRecordKey(key);
    if (id === null) continue;
    if (!listed.delete(id)) await onUnlisted(id);
  }
  for (const { key, modified } of [...listed.values()].flat()) {
    if (modified.getTime() < before) await bucket.remove(key);
  }
}
