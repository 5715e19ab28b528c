import { z } from 'zod';

export const networkStatisticsSchema = z
  .object({
    count: z.int(),
    mean: z.number().nullable(),
    std: z.number().nullable().describe('Over all n entries, not n - 1.'),
    min: z.number().nullable(),
    max: z.number().nullable(),
    l2: z.number().nullable(),
    zeros: z.int(),
  })
  .meta({
    id: 'NetworkStatistics',
    description: 'Of all predicted parameters together; null where it is not finite.',
  });
export type NetworkStatistics = z.infer<typeof networkStatisticsSchema>;

/** How many bins a histogram has. */
export const HISTOGRAM_BINS = 32;

export const histogramSchema = z
  .object({
    edges: z.array(z.number()).length(HISTOGRAM_BINS + 1),
    counts: z.array(z.int()).length(HISTOGRAM_BINS),
  })
  .meta({
    id: 'Histogram',
    description:
      'Equal bins from the smallest to the largest finite value, each closed on the left, the last on both sides.',
  });
export type Histogram = z.infer<typeof histogramSchema>;

export const tensorStatisticsSchema = networkStatisticsSchema
  .extend({
    name: z.string(),
    shape: z.array(z.int()),
    histogram: histogramSchema.nullable().describe('Of the finite values; null where there is none.'),
    effective_rank: z
      .number()
      .nullable()
      .describe(
        'exp of the entropy of the normalised singular values of the [o, rest] matrix; null for one dimension, ' +
          'for zeros, where a value is not finite and where neither side is at most 8,192.',
      ),
    mean_abs_cosine: z
      .number()
      .nullable()
      .describe(
        'Mean |cosine| over the pairs of rows of the [o, rest] matrix, 0 for a pair with a row of zeros; null for ' +
          'one dimension, for one row and where a value is not finite.',
      ),
    cosine_rows: z
      .int()
      .nullable()
      .describe(
        'How many rows, drawn at random, `mean_abs_cosine` is estimated from where there are too many to compare all ' +
          'with all; null where all are compared.',
      ),
  })
  .meta({ id: 'TensorStatistics', description: 'Of one tensor.' });
export type TensorStatistics = z.infer<typeof tensorStatisticsSchema>;

export const statisticsSchema = z
  .object({ network: networkStatisticsSchema, tensors: z.array(tensorStatisticsSchema) })
  .meta({ id: 'Statistics' });
export type Statistics = z.infer<typeof statisticsSchema>;
