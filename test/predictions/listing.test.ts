import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergePages } from '../../src/predictions/listing.js';
import type { PredictionRecord } from '../../src/record/record.js';
import {
  comparePositions,
  decodeCursor,
  encodeCursor,
  type ListOptions,
  type RecordPage,
} from '../../src/store/list.js';
import { idOf, largeRecord, sampleRecord } from '../store/samples.js';

const positionOf = ({ created_at, id }: PredictionRecord) => ({ createdAt: Date.parse(created_at), id });

/** Returns the page of a store with these records. Those in `gone` are in its index, but not on the disk any more. */
function storePage(
  records: readonly PredictionRecord[],
  { limit, cursor, status }: ListOptions,
  gone: ReadonlySet<string> = new Set(),
): RecordPage {
  const after = cursor === undefined ? null : decodeCursor(cursor);
  const found = records
    .filter((record) => status === undefined || record.status === status)
    .filter((record) => after === null || comparePositions(positionOf(record), after) > 0)
    .sort((a, b) => comparePositions(positionOf(a), positionOf(b)));
  const page = found.slice(0, limit);
  return {
    records: page.filter(({ id }) => !gone.has(id)),
    nextCursor: found.length > limit ? encodeCursor(positionOf(page[limit - 1])) : null,
  };
}

function allPages(
  live: readonly PredictionRecord[],
  stored: readonly PredictionRecord[],
  options: ListOptions,
  gone?: ReadonlySet<string>,
): PredictionRecord[] {
  const listed: PredictionRecord[] = [];
  let cursor: string | null | undefined;
  do {
    const pageOptions: ListOptions = { ...options, ...(cursor && { cursor }) };
    const page = mergePages(live, storePage(stored, pageOptions, gone), pageOptions);
    expect(page.records.length).toBeLessThanOrEqual(options.limit);
    listed.push(...page.records);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return listed;
}

const STATUSES = ['queued', 'running', 'failed', 'succeeded'] as const;

/** Records of a few moments, some live, some stored, some both, and some that go while they are listed. */
const listed = fc
  .uniqueArray(
    fc.record({
      n: fc.nat(40),
      second: fc.nat(4),
      status: fc.constantFrom(...STATUSES),
      where: fc.constantFrom('live', 'stored', 'both', 'gone'),
    }),
    { selector: ({ n }) => n, maxLength: 25 },
  )
  .map((entries) =>
    entries.map(({ n, second, status, where }) => ({
      where,
      record: sampleRecord(n, { status, created_at: new Date(second * 1000).toISOString() }),
    })),
  );

describe('a list of predictions in progress and stored ones', () => {
  it('has every prediction once, newest first, for any size of pages', () => {
    fc.assert(
      fc.property(listed, fc.integer({ min: 1, max: 7 }), (entries, limit) => {
        const of = (...places: string[]) =>
          entries.filter(({ where }) => places.includes(where)).map(({ record }) => record);
        const gone = new Set(of('gone').map(({ id }) => id));
        const result = allPages(of('live', 'both'), of('stored', 'both', 'gone'), { limit }, gone);
        const expected = of('live', 'stored', 'both').sort((a, b) =>
          comparePositions(positionOf(a), positionOf(b)),
        );
        expect(result.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      }),
      { numRuns: 500 },
    );
  });

  it('has shorter pages if records are large', () => {
    const live = [1, 2, 3, 4, 5].map((n) => largeRecord(n, { status: 'failed' }));
    const page = mergePages(live, { records: [], nextCursor: null }, { limit: 50 });
    expect(page.records.map(({ id }) => id)).toEqual([idOf(5), idOf(4)]);
    expect(allPages(live, [], { limit: 50 }).map(({ id }) => id)).toEqual([5, 4, 3, 2, 1].map(idOf));
  });

  it('has only those that match the filter', () => {
    fc.assert(
      fc.property(listed, fc.constantFrom(...STATUSES), (entries, status) => {
        const live = entries.map(({ record }) => record);
        const result = allPages(live, [], { limit: 3, status });
        expect(new Set(result.map(({ id }) => id))).toEqual(
          new Set(live.filter((record) => record.status === status).map(({ id }) => id)),
        );
      }),
    );
    const named = sampleRecord(1, { ghn: { id: 'other', digest: 'sha256:1' } });
    const empty: RecordPage = { records: [], nextCursor: null };
    expect(mergePages([named], empty, { limit: 1, ghn: 'other' }).records).toEqual([named]);
    expect(mergePages([named], empty, { limit: 1, ghn: 'ghn3-tiny' }).records).toEqual([]);
    expect(mergePages([named], empty, { limit: 1, architecture: 'tiny' }).records).toEqual([named]);
    expect(mergePages([named], empty, { limit: 1, architecture: 'large' }).records).toEqual([]);
  });

  it('has the stored version of a prediction that is both', () => {
    const stored = sampleRecord(3, { digest: 'sha256:2' });
    const page = mergePages(
      [sampleRecord(3, { status: 'running' })],
      { records: [stored], nextCursor: null },
      { limit: 5 },
    );
    expect(page.records).toEqual([stored]);
    expect(stored.id).toBe(idOf(3));
  });
});
