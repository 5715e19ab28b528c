import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { graphSchema } from '../../architecture/schema.js';
import { jsonResponse, problemResponse } from '../../http/answers/responses.js';
import { JsonText } from '../../json-text.js';
import type { Predictions } from '../../predictions/predictions.js';
import { statusSchema } from '../../record/record.js';
import { queryInteger } from '../query-integer.js';
import { predictionLinks } from './links.js';
import { idParameters, unknownPrediction } from './parameters.js';
import { viewOf, viewSchema } from './view.js';

/** A page of the list; more than the largest would be a dump of the store. */
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1000;

const listSchema = z
  .object({
    predictions: z.array(viewSchema),
    next_cursor: z
      .string()
      .nullable()
      .describe(
        'Where the next page begins, or null on the last: where records are large, pages are shorter than `limit`.',
      ),
  })
  .meta({ id: 'PredictionList' });

/** Records, graphs and the end of predictions. */
export const records: FastifyPluginAsyncZod<{ predictions: Predictions }> = async (app, { predictions }) => {
  app.get(
    '/predictions',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'listPredictions',
        summary: 'All predictions, newest first',
        description: 'A page of records; `next_cursor` leads to the next page.',
        querystring: z.strictObject({
          limit: queryInteger(1, MAX_LIMIT).default(DEFAULT_LIMIT).describe(`Else ${DEFAULT_LIMIT}.`),
          cursor: z.string().max(200).optional().describe('The `next_cursor` of the page before.'),
          architecture: z.string().optional().describe('Only of architectures with this name.'),
          ghn: z.string().optional().describe('Only by the GHN with this id.'),
          status: statusSchema.optional(),
        }),
        response: {
          200: jsonResponse('A page of records.', listSchema),
        },
      },
    },
    async ({ query }) => {
      const page = await predictions.list(query);
      return { predictions: page.records.map(viewOf), next_cursor: page.nextCursor };
    },
  );

  app.get(
    '/predictions/:id',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'getPrediction',
        summary: 'The record of a prediction',
        description:
          'Its record: the request, the status, latencies, statistics of the whole network, and links.',
        params: idParameters,
        response: { 200: jsonResponse('Its record.', viewSchema), 404: unknownPrediction },
      },
      links: { 200: predictionLinks('$response.body#/id') },
    },
    async ({ params }) => viewOf(await predictions.record(params.id)),
  );

  app.get(
    '/predictions/:id/architecture',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'getPredictionArchitecture',
        summary: 'The graph that a prediction was made for',
        description:
          'Whatever form the request had. Layers without weights and what was left out on request are no nodes of it.',
        params: idParameters,
        response: {
          200: jsonResponse('The graph.', graphSchema),
          404: unknownPrediction,
          409: problemResponse('It failed: `detail` says why'),
        },
      },
    },
    async ({ params }, reply) => {
      const graph = await predictions.architecture(params.id);
      if (!(graph instanceof JsonText)) return graph;
      return reply.type('application/json; charset=utf-8').send(graph.bytes as never);
    },
  );

  app.delete(
    '/predictions/:id',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'deletePrediction',
        summary: 'Cancel or delete a prediction',
        description:
          'Cancels what is queued or running, deletes what is stored. A download under way is finished.',
        params: idParameters,
        response: {
          204: z.undefined().describe('It is gone.'),
          404: unknownPrediction,
          413: problemResponse('A body that is too large, where none is wanted'),
          415: problemResponse('A body that is not JSON, where none is wanted'),
          507: problemResponse('The disk does not let it be removed'),
        },
      },
    },
    async ({ params }, reply) => {
      await predictions.delete(params.id);
      return reply.code(204).send();
    },
  );
};
