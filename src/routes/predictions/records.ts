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

/** Lengths of a page of the list. A longer page would be a dump of the store. */
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1000;

const listSchema = z
  .object({
    predictions: z.array(viewSchema),
    next_cursor: z
      .string()
      .nullable()
      .describe(
        'Cursor of the next page, or null on the last page. If records are large, a page can have fewer than `limit`.',
      ),
  })
  .meta({ id: 'PredictionList' });

/** Routes for records, graphs, and deletion of predictions. */
export const records: FastifyPluginAsyncZod<{ predictions: Predictions }> = async (app, { predictions }) => {
  app.get(
    '/predictions',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'listPredictions',
        summary: 'All predictions, newest first',
        description: 'Answers with a page of records. `next_cursor` leads to the next page.',
        querystring: z.strictObject({
          limit: queryInteger(1, MAX_LIMIT)
            .default(DEFAULT_LIMIT)
            .describe(`Number of records in a page. Default: ${DEFAULT_LIMIT}.`),
          cursor: z.string().max(200).optional().describe('The `next_cursor` of the previous page.'),
          architecture: z.string().optional().describe('Only predictions for architectures with this name.'),
          ghn: z.string().optional().describe('Only predictions by the GHN with this id.'),
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
          'The record has the request, the status, latencies, statistics of the whole network, and links.',
        params: idParameters,
        response: { 200: jsonResponse('The record.', viewSchema), 404: unknownPrediction },
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
          'The answer is always a graph, whatever form the request had. It has no nodes for layers without weights, or for operations that were left out.',
        params: idParameters,
        response: {
          200: jsonResponse('The graph.', graphSchema),
          404: unknownPrediction,
          409: problemResponse('The prediction failed; `detail` says why'),
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
          'Cancels a prediction that is queued or running, and deletes a stored one. Downloads in progress are completed.',
        params: idParameters,
        response: {
          204: z.undefined().describe('The prediction was deleted.'),
          404: unknownPrediction,
          413: problemResponse('The request has a body, which is not needed, and it is too large'),
          415: problemResponse('The request has a body, which is not needed, and it is not JSON'),
          507: problemResponse('The prediction cannot be deleted from the disk'),
        },
      },
    },
    async ({ params }, reply) => {
      await predictions.delete(params.id);
      return reply.code(204).send();
    },
  );
};
