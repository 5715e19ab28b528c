import type { PredictionRecord } from '../../record/record.js';
import { MAX_RECORDS_CHARACTERS, recordCharacters } from '../../record/record-size.js';
import { encodeCursor, type ListOptions, type Position, type RecordPage } from '../list.js';
import type { ObjectBucket } from './bucket.js';
import { INDEX, type IndexEntry, keyBehind, nameDigest, parseIndexKey } from './keys.js';

/** Records that are read at the same time for a page of the list. */
const READ_AT_ONCE = 8;

/**
 * Reads a page of the records in the index.
 *
 * @param read gives the record of an entry, or null if it no longer exists
 */
export async function listPage(
  bucket: ObjectBucket,
  { limit, architecture, ghn, status }: Omit<ListOptions, 'cursor'>,
  after: Position | undefined,
  read: (entry: IndexEntry) => Promise<PredictionRecord | null>,
): Promise<RecordPage> {
  const wanted = {
    architecture: architecture === undefined ? null : nameDigest(architecture),
    ghn: ghn === undefined ? null : nameDigest(ghn),
  };
  const mayFit = (entry: IndexEntry) =>
    (wanted.architecture === null || entry.architecture === wanted.architecture) &&
    (wanted.ghn === null || entry.ghn === wanted.ghn);
  const fits = (record: PredictionRecord) =>
    (architecture === undefined || record.architecture.name === architecture) &&
    (ghn === undefined || record.ghn.id === ghn) &&
    (status === undefined || record.status === status);

  const isFiltered = architecture !== undefined || ghn !== undefined || status !== undefined;
  const records: PredictionRecord[] = [];
  let characters = 0;
  let begin = after && keyBehind(after);
  for (;;) {
    const { objects, isLast } = await bucket.page(INDEX, begin, isFiltered ? undefined : limit + 1);
    const entries = objects.flatMap(({ key }) => parseIndexKey(key) ?? []).filter(mayFit);
    for (let k = 0; k < entries.length; ) {
      const some = entries.slice(k, k + Math.min(READ_AT_ONCE, limit - records.length));
      for (const record of await Promise.all(some.map(read))) {
        if (!record || !fits(record)) continue;
        records.push(record);
        characters += recordCharacters(record);
      }
      k += some.length;
      if (records.length < limit && characters < MAX_RECORDS_CHARACTERS) continue;
      const isEnd = isLast && k === entries.length;
      return { records, nextCursor: isEnd ? null : encodeCursor(some.at(-1)!) };
    }
    if (isLast) return { records, nextCursor: null };
    begin = objects.at(-1)!.key;
  }
}
