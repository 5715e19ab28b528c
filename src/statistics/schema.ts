import { z } from 'zod';

export const networkStatisticsSchema = z
  .object({
    count: z.int(),
    mean: z.number().nullable(),
    std: z.number().nullable().describe('Standard deviation over n entries (not n - 1).'),
    min: z.number().nullable(),
    max: z.number().nullable(),
    l2: z.number().nullable(),
    zeros: z.int(),
  })
  .meta({
    id: 'NetworkStatistics',
    description: 'Statistics of all predicted parameters together. A value that is not finite is null.',
  });
export type NetworkStatistics = z.infer<typeof networkStatisticsSchema>;

/** Number of bins in a histogram. */
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
    histogram: histogramSchema.nullable().describe('Histogram of the finite values. Null if there are none.'),
    effective_rank: z
      .number()
      .nullable()
      .describe(
        'The exponential of the entropy of the normalised singular values of the [o, rest] matrix. Null if the tensor has one dimension, is zero, has a value that is not finite, or has more than 8,192 rows and columns.',
      ),
    mean_abs_cosine: z
      .number()
      .nullable()
      .describe(
        'Mean |cosine| over the pairs of rows of the [o, rest] matrix. A pair with a row of zeros counts as 0. Null if the tensor has one dimension, one row, or a value that is not finite.',
      ),
    cosine_rows: z
      .int()
      .nullable()
      .describe(
        'If there are too many rows to compare all pairs, the number of random rows from which `mean_abs_cosine` is estimated. Null if all rows are compared.',
      ),
  })
  .meta({ id: 'TensorStatistics', description: 'Statistics of one tensor.' });
export type TensorStatistics = z.infer<typeof tensorStatisticsSchema>;

export const statisticsSchema = z
  .object({ network: networkStatisticsSchema, tensors: z.array(tensorStatisticsSchema) })
  .meta({ id: 'Statistics' });
export type Statistics = z.infer<typeof statisticsSchema>;
