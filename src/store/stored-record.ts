import { z } from 'zod';
import { type PredictionRecord, recordSchema } from '../record/record.js';

/**
 * A record as stored. Builds that did not have generations yet expect a GHN's name in every request, and links. They
 * would consider a record without these damaged, and remove the prediction.
 */
export const storedRecordSchema = recordSchema
  .extend({
    request: recordSchema.shape.request.extend({ ghn_named: z.boolean().optional() }),
  })
  .transform(({ request: { ghn_named, ...request }, ...record }): PredictionRecord => {
    return { ...record, request: { ...request, ghn: ghn_named === false ? null : request.ghn } };
  });

/** The parts of a record that are stored, by this build and older ones. */
export function storedRecord(record: PredictionRecord): object {
  const { id, request, ghn } = record;
  const self = `/predictions/${id}`;
  return {
    ...record,
    request: { ...request, ghn: request.ghn ?? ghn.id, ghn_named: request.ghn !== null },
    links: {
      self,
      weights: `${self}/weights`,
      statistics: `${self}/statistics`,
      architecture: `${self}/architecture`,
    },
  };
}
