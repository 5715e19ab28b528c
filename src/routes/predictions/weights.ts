import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { FORMAT_NAMES, formatOf, formatsThat, PART_FORMAT } from '../../format/find.js';
import { MAX_PATTERN_LENGTH, NamePattern, PatternError } from '../../format/pattern.js';
import { SHARDING_NAMES } from '../../format/slice.js';
import { type EmptyResponse, notReady, problemResponse } from '../../http/answers/responses.js';
import { sendBytes } from '../../http/answers/send-bytes.js';
import { whenClosed } from '../../http/answers/when-closed.js';
import { prefers } from '../../http/requests/prefer.js';
import { InvalidRequestError, NotFoundError } from '../../predictions/errors.js';
import type { Predictions } from '../../predictions/predictions.js';
import { type Representation, weightsSource } from '../../predictions/weights.js';
import type { PredictionRecord } from '../../record/record.js';
import { DTYPES } from '../../tensor/dtype.js';
import { TensorBytes } from '../../tensor/tiling.js';
import { downloadHeaders, downloadResponses } from '../downloads.js';
import { queryInteger } from '../query-integer.js';
import { idParameters, unknownPrediction } from './parameters.js';
import { warningHeaderSchema, warningHeaders } from './view.js';
import { tensorEtag, weightsEtag, weightsFileName } from './weights-file.js';

const generation = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .optional()
  .describe(
    'The record’s generation. With it the address always means the same bytes, and caches may keep them.',
  );

/** An address with a generation always gives the same bytes. */
const FOR_EVER = { 'cache-control': 'max-age=31536000, immutable' };

const cacheControl = z
  .string()
  .optional()
  .describe('Contains `immutable` if the address has the generation.');

const querySchema = z
  .strictObject({
    generation,
    format: z.enum(FORMAT_NAMES).optional().describe('A format other than the request’s.'),
    dtype: z.enum(DTYPES).optional().describe('An element type other than the request’s.'),
    tensors: z
      .string()
      .min(1)
      .max(MAX_PATTERN_LENGTH)
      .optional()
      .describe('Only the tensors with these names, separated by commas. `*` stands for any characters.'),
    rank: queryInteger(0).optional().describe('Only this rank’s part of each tensor. Needs `world_size`.'),
    world_size: queryInteger(1, 1_000_000).optional(),
    dim: queryInteger(0, 3).optional().describe('The dimension that is divided. Default: 0.'),
    sharding: z
      .enum(SHARDING_NAMES)
      .optional()
      .describe(
        'How n entries are divided between w ranks. With `even`, rank r starts at entry ⌊r·n/w⌋. With `chunk`, each rank gets ⌈n/w⌉ entries and the last ranks fewer or none, as in torch.chunk, DTensor and FSDP2. Default: `even`.',
      ),
  })
  .superRefine(({ format, tensors, rank, world_size: worldSize, dim, sharding }, context) => {
    const fault = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    if (rank !== undefined && worldSize === undefined)
      fault('world_size', 'is needed with rank: give the number of ranks');
    if (rank === undefined && worldSize !== undefined)
      fault('rank', 'is needed with world_size: give the rank');
    if (rank === undefined && dim !== undefined) fault('dim', 'goes with rank and world_size');
    if (rank === undefined && sharding !== undefined) fault('sharding', 'goes with rank and world_size');
    if (rank !== undefined && worldSize !== undefined && worldSize > 0 && rank >= worldSize) {
      fault('rank', `is counted from 0: of ${worldSize} ranks the last is ${worldSize - 1}`);
    }
    const isPart = tensors !== undefined || rank !== undefined;
    if (isPart && format !== undefined && !formatOf(format).holdsParts) {
      const others = formatsThat(({ holdsParts }) => holdsParts);
      fault('format', `a part of the weights cannot be ${format}: take ${others}`);
    }
  });

/** Routes for the weights: all, parts, and single tensors. */
export const weights: FastifyPluginAsyncZod<{ predictions: Predictions }> = async (app, { predictions }) => {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/predictions/:id/weights',
    schema: {
      tags: ['predictions'],
      operationId: 'downloadWeights',
      summary: 'Download weights',
      description:
        'The weights come in the format and dtype of the request, or in those that the query names. You can download all of them, byte ranges, or the part that one rank of a training job needs.',
      params: idParameters,
      querystring: querySchema,
      headers: downloadHeaders.extend({
        prefer: z
          .string()
          .optional()
          .describe(
            'With `redirect`, the answer can be a redirect to the store, if the store has these bytes.',
          ),
      }),
      response: {
        ...downloadResponses('The weights.', {
          'content-disposition': z.string(),
          'cache-control': cacheControl,
          'x-ghn-warnings': warningHeaderSchema,
        }),
        307: {
          description: 'The store has these bytes. The address is valid for ten minutes.',
          headers: z.object({
            location: z.string(),
            'preference-applied': z.literal('redirect'),
            'cache-control': z.literal('no-store'),
          }),
        } satisfies EmptyResponse,
        404: unknownPrediction,
        409: notReady,
      },
    },
    handler: async (request, reply) => {
      const { record, tensors, body, release } = await predictions.open(request.params.id);
      whenClosed(reply, release);
      checkGeneration(record, request.query.generation);
      const { format, dtype, tensors: names, rank, world_size: worldSize, dim, sharding } = request.query;
      const isPart = names !== undefined || rank !== undefined;
      const representation: Representation = {
        format: format ?? (isPart ? PART_FORMAT : record.request.format),
        dtype: dtype ?? record.request.dtype,
        ...(names !== undefined && { pattern: namePattern(names) }),
        ...(rank !== undefined && {
          slice: { rank, worldSize: worldSize!, dim: dim ?? 0, sharding: sharding ?? 'even' },
        }),
      };
      const source = weightsSource(record, tensors, representation);
      const fileName = weightsFileName(record, representation.format);
      const isStored = !isPart && body?.format === representation.format && representation.dtype === 'F32';
      if (isStored && request.method === 'GET' && prefers('redirect', request.headers.prefer)) {
        return reply
          .code(307)
          .headers({
            location: await body.link(fileName),
            'preference-applied': 'redirect',
            'cache-control': 'no-store',
          })
          .send();
      }
      if (request.query.generation) reply.headers(FOR_EVER);
      reply.headers({
        'content-disposition': `attachment; filename="${fileName}"`,
        ...warningHeaders(record),
      });
      const etag = weightsEtag(record, representation);
      return sendBytes(request, reply, { source, etag, contentType: 'application/octet-stream' });
    },
  });

  app.route({
    method: ['GET', 'HEAD'],
    url: '/predictions/:id/tensors/*',
    schema: {
      tags: ['predictions'],
      operationId: 'downloadTensor',
      summary: 'Download one tensor',
      description:
        'The answer has only the tensor’s values, little-endian and row-major. The path ends with the tensor’s name.',
      params: idParameters.extend({ '*': z.string().describe('The tensor’s name.') }),
      querystring: z.strictObject({ generation, dtype: z.enum(DTYPES).optional() }),
      headers: downloadHeaders,
      response: {
        ...downloadResponses('The values.', {
          'cache-control': cacheControl,
          'x-tensor-shape': z.string().describe('A JSON array.'),
          'x-tensor-dtype': z.enum(DTYPES),
        }),
        404: problemResponse('No prediction has this id, or no tensor this name'),
        409: notReady,
      },
    },
    handler: async (request, reply) => {
      const { id, '*': name } = request.params;
      const { record, tensors, release } = await predictions.open(id);
      whenClosed(reply, release);
      checkGeneration(record, request.query.generation);
      const tensor = tensors.find((candidate) => candidate.name === name);
      if (!tensor) throw new NotFoundError(`the prediction has no tensor ${JSON.stringify(name)}`);
      const dtype = request.query.dtype ?? record.request.dtype;
      if (request.query.generation) reply.headers(FOR_EVER);
      reply.headers({ 'x-tensor-shape': JSON.stringify(tensor.shape), 'x-tensor-dtype': dtype });
      return sendBytes(request, reply, {
        source: new TensorBytes(tensor, dtype),
        etag: tensorEtag(record, dtype, name),
        contentType: 'application/octet-stream',
      });
    },
  });
};

/** @throws NotFoundError if the address has another generation */
function checkGeneration({ id, generation }: PredictionRecord, asked: string | undefined): void {
  if (asked === undefined || asked === generation) return;
  throw new NotFoundError(
    `the prediction ${JSON.stringify(id)} was made again since, and has the generation ${generation}`,
  );
}

function namePattern(text: string): NamePattern {
  try {
    return new NamePattern(text);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new InvalidRequestError([{ path: '/tensors', message: error.message }]);
  }
}
