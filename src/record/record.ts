import { z } from 'zod';
import { UNSUPPORTED } from '../architecture/architecture.js';
import { FORMAT_NAMES } from '../format/find.js';
import { networkStatisticsSchema } from '../statistics/schema.js';
import { DTYPES } from '../tensor/dtype.js';
import { failureSchema } from './failure.js';

export const STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type Status = (typeof STATUSES)[number];
export const statusSchema = z
  .enum(STATUSES)
  .meta({ id: 'Status', description: 'The status of a prediction' });

const postprocessOptionsSchema = z.object({
  noise: z.number(),
  orthogonalize: z.boolean(),
  from_layer: z.int(),
  min_channels: z.int(),
  seed: z.int(),
});

const latencySchema = z
  .object({
    parse: z.number(),
    graph: z.number(),
    encode: z.number(),
    decode: z.number(),
    postprocess: z.number(),
    serialize: z.number(),
    total: z.number(),
  })
  .meta({ id: 'Latency', description: 'Milliseconds for each stage.' });

const appliedSchema = z.object({
  tensor: z.string(),
  noise: z.number().describe('Standard deviation of the added noise. 0 means no noise.'),
  orthogonalized: z.boolean(),
});

const warningSchema = z
  .object({ code: z.string().describe('A stable code for programs.'), message: z.string() })
  .meta({ id: 'Warning' });

/** The record of a prediction. Its weights, tensor statistics and graph have separate addresses. */
export const recordSchema = z.object({
  id: z.string(),
  status: statusSchema,
  created_at: z.iso.datetime(),
  request: z.object({
    ghn: z.string().nullable().describe('The name that the request gave; null if the request named no GHN.'),
    predict_classifier: z.boolean(),
    postprocess: postprocessOptionsSchema.nullable(),
    unsupported: z.enum(UNSUPPORTED).default('refuse'),
    seed: z.int(),
    dtype: z.enum(DTYPES),
    format: z.enum(FORMAT_NAMES),
  }),
  architecture: z.object({
    name: z.string(),
    nodes: z.int(),
    tensors: z.int(),
    parameters: z.int(),
    not_predicted: z
      .array(z.string())
      .describe('Parameters that no node owns. They keep their initial values.'),
    left_out: z
      .array(z.string())
      .default([])
      .describe(
        'Operations that were left out because of `unsupported: "skip"`, with the reason. Their tensors keep their initial values.',
      ),
  }),
  ghn: z.object({ id: z.string(), digest: z.string() }),
  engine: z.string(),
  device: z.string(),
  latency_ms: latencySchema.nullable(),
  statistics: networkStatisticsSchema.nullable(),
  applied: z.array(appliedSchema).nullable().describe('The tensors that post-processing changed, and how.'),
  overflow: z.int().nullable().describe('Number of finite values that became ±Inf in the requested dtype.'),
  bytes: z.int().nullable(),
  generation: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'A random number, drawn when this prediction was stored. If the prediction is made again, it differs.',
    ),
  digest: z.string().nullable().describe('sha256 of the body in the requested format and dtype.'),
  warnings: z.array(warningSchema).default([]).describe('Hints for the client. They are not errors.'),
  error: failureSchema.nullable(),
});
export type PredictionRecord = z.infer<typeof recordSchema>;
