import type { PredictionRecord } from '../record/record.js';
import { pageLength } from '../record/record-size.js';
import {
  comparePositions,
  decodeCursor,
  encodeCursor,
  type ListOptions,
  positionOf,
  type RecordPage,
} from '../store/list.js';

/**
 * Merges records of predictions under way into a page of stored records. The result is sorted newest first, has no
 * more records than the limit and than a page may hold, and its cursor continues after its last record.
 */
export function mergePages(
  live: Iterable<PredictionRecord>,
  stored: RecordPage,
  { limit, cursor, architecture, ghn, status }: ListOptions,
): RecordPage {
  const after = cursor === undefined ? null : decodeCursor(cursor);
  // Records after the end of the store's page belong to later pages; otherwise those pages would skip records.
  const last = stored.nextCursor === null ? null : decodeCursor(stored.nextCursor);
  const known = new Set(stored.records.map(({ id }) => id));
  const fitting = [...live].filter(
    (record) =>
      !known.has(record.id) &&
      (architecture === undefined || record.architecture.name === architecture) &&
      (ghn === undefined || record.ghn.id === ghn) &&
      (status === undefined || record.status === status) &&
      (after === null || comparePositions(positionOf(record), after) > 0) &&
      (last === null || comparePositions(positionOf(record), last) <= 0),
  );
  const all = [...fitting, ...stored.records].sort((a, b) => comparePositions(positionOf(a), positionOf(b)));
  const length = pageLength(all, limit);
  if (all.length === length) return { records: all, nextCursor: stored.nextCursor };
  return { records: all.slice(0, length), nextCursor: encodeCursor(positionOf(all[length - 1])) };
}
