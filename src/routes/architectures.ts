import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { graphSchema } from '../architecture/schema.js';
import { architectureSummarySchema, listArchitectures, loadArchitecture } from '../architecture/zoo.js';
import { jsonResponse, problemResponse } from '../http/answers/responses.js';
import { queryInteger } from './query-integer.js';

/** Lists the architectures that a request can name. */
export const architectures: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/architectures',
    {
      schema: {
        tags: ['catalogue'],
        operationId: 'listArchitectures',
        summary: 'The architectures that the service knows by name',
        description:
          'A request can name one of these instead of sending a graph. The list gives the size of each.',
        response: {
          200: jsonResponse(
            'The architectures.',
            z.object({ architectures: z.array(architectureSummarySchema) }).meta({ id: 'ArchitectureList' }),
          ),
        },
      },
    },
    async () => ({ architectures: [...listArchitectures()] }),
  );

  app.get(
    '/architectures/:name',
    {
      schema: {
        tags: ['catalogue'],
        operationId: 'getArchitecture',
        summary: 'The graph of an architecture',
        description: 'The graph has the same form as in a request, so you can change it and send it.',
        params: z.object({ name: z.string().meta({ example: 'resnet50' }) }),
        querystring: z.strictObject({
          num_classes: queryInteger(1).optional().describe('Number of classes. Default: 1000.'),
        }),
        response: {
          200: jsonResponse('The graph.', graphSchema),
          404: problemResponse('No architecture has this name'),
        },
      },
    },
    async ({ params, query }) => loadArchitecture(params.name, query.num_classes),
  );
};
