import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { sendProblem } from '../plugins/problems.js';
import { jsonResponse, unavailable } from './responses.js';

const statusSchema = z.object({ status: z.literal('ok') });

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
        description: '200 once the GHNs are loaded and warm; 503 before, and while the service shuts down.',
        response: { 200: jsonResponse('They are.', statusSchema), 503: unavailable('Not ready') },
      },
    },
    async (_request, reply) => {
      if (isReady()) return { status: 'ok' as const };
      return sendProblem(reply, { status: 503, detail: 'The GHNs are not loaded.', retryAfter: 1 }) as never;
    },
  );
};
