import { describe, expect, it } from 'vitest';
import { storedRecord, storedRecordSchema } from '../../src/store/stored-record.js';
import { sampleRecord } from './samples.js';

describe('a record on disk', () => {
  it('is read as it was written, whether the request named its GHN or not', () => {
    for (const ghn of ['ghn3-tiny', null]) {
      const record = sampleRecord(1);
      const written = { ...record, request: { ...record.request, ghn } };
      expect(storedRecordSchema.parse(JSON.parse(JSON.stringify(storedRecord(written))))).toEqual(written);
    }
  });

  it('contains the fields that older builds need', () => {
    const record = sampleRecord(1);
    const written = storedRecord({ ...record, request: { ...record.request, ghn: null } });
    expect(written).toMatchObject({
      request: { ghn: 'ghn3-tiny' },
      links: { self: `/predictions/${record.id}`, weights: `/predictions/${record.id}/weights` },
    });
  });

  it('of an older build has the requested name of the GHN, and no generation', () => {
    const { generation: _, ...old } = sampleRecord(1);
    const read = storedRecordSchema.parse({ ...old, links: { self: '/predictions/1' } });
    expect(read).toMatchObject({ request: { ghn: 'ghn3-tiny' }, generation: null });
    expect(read).not.toHaveProperty('links');
  });
});
