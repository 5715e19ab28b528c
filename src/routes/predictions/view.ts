import { z } from 'zod';
import { problemOf } from '../../http/plugins/problems.js';
import { problemSchema } from '../../http/problems/problem.js';
import { type PredictionRecord, recordSchema } from '../../record/record.js';

/** A prediction's record as clients see it: with addresses, and its failure as a problem. */
export const viewSchema = recordSchema
  .extend({
    request: recordSchema.shape.request.extend({ ghn: z.string() }),
    error: problemSchema.nullable(),
    links: z.object({
      self: z.string(),
      weights: z.string(),
      statistics: z.string(),
      architecture: z.string(),
    }),
  })
  .meta({ id: 'PredictionRecord' });
export type PredictionView = z.output<typeof viewSchema>;

/** The codes of a record's warnings, for the header; empty where there are none. */
export function warningHeaders({ warnings }: Pick<PredictionRecord, 'warnings'>): Record<string, string> {
  if (warnings.length === 0) return {};
  return { 'x-ghn-warnings': [...new Set(warnings.map(({ code }) => code))].join(', ') };
}

export const warningHeaderSchema = z
  .string()
  .optional()
  .describe('Codes of the record’s warnings, separated by commas. The record explains them.');

/** Where a prediction is found. */
export const pathOf = ({ id }: Pick<PredictionRecord, 'id'>) => `/predictions/${id}`;

export function viewOf(record: PredictionRecord): PredictionView {
  const { request, ghn, error } = record;
  const self = pathOf(record);
  return {
    ...record,
    request: { ...request, ghn: request.ghn ?? ghn.id },
    error: error && problemOf(error),
    links: {
      self,
      weights: `${self}/weights`,
      statistics: `${self}/statistics`,
      architecture: `${self}/architecture`,
    },
  };
}
