import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { jsonResponse, unavailable } from '../http/answers/responses.js';
import { sendProblem } from '../http/plugins/problems.js';

const statusSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

export interface HealthOptions {
  /** Whether a prediction would be taken now. */
  readonly isReady: () => boolean;
}

export const health: FastifyPluginAsyncZod<HealthOptions> = async (app, { isReady }) => {
  app.get(
    '/livez',
    {
      schema: {
        tags: ['service'],
        operationId: 'getLiveness',
        summary: 'Whether the service is alive',
        description: '200 as long as the process answers; it needs no key, and says nothing of the GHNs.',
        response: { 200: jsonResponse('It is.', statusSchema) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        tags: ['service'],
        operationId: 'getReadiness',
        summary: 'Whether predictions are taken',
        description:
          '200 once the GHNs are loaded and warm; 503 before, while the engine is started anew, and while the service shuts ' +
          'down. A disk that is full or read-only does not make it 503: predictions are answered, and the record of one ' +
          'that could not be stored says so.',
        response: { 200: jsonResponse('They are.', statusSchema), 503: unavailable('Not ready') },
      },
    },
    async (_request, reply) => {
      if (isReady()) return { status: 'ok' as const };
      return sendProblem(reply, {
        code: 'unavailable',
        detail: 'The GHNs are not loaded.',
        retryAfter: 1,
      }) as never;
    },
  );
};
