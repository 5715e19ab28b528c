import { z } from 'zod';
import { problemOf } from '../../http/plugins/problems.js';
import { problemSchema } from '../../http/problems/problem.js';
import { type PredictionRecord, recordSchema } from '../../record/record.js';

/** A prediction's record in the form for clients: with addresses, and its failure as a problem. */
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

/** Returns a header with the codes of a record's warnings, or no header if there are none. */
export function warningHeaders({ warnings }: Pick<PredictionRecord, 'warnings'>): Record<string, string> {
  if (warnings.length === 0) return {};
  return { 'x-ghn-warnings': [...new Set(warnings.map(({ code }) => code))].join(', ') };
}

export const warningHeaderSchema = z
  .string()
  .optional()
  .describe('Codes of the record’s warnings, separated by commas. The record explains them.');

/** Returns the path of a prediction. */
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
