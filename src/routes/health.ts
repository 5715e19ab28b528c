import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { jsonResponse, unavailable } from '../http/answers/responses.js';
import { sendProblem } from '../http/plugins/problems.js';

const statusSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

export interface HealthOptions {
  /** Returns true if a prediction would be accepted now. */
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
        description: 'Answers 200 as long as the process runs. It needs no key. It does not check the GHNs.',
        response: { 200: jsonResponse('The service is alive.', statusSchema) },
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
        summary: 'Whether the service accepts predictions',
        description:
          'Answers 200 when the GHNs are loaded and warm, and 503 before that, while the engine restarts, and while the service shuts down. A full or read-only disk does not cause 503: predictions are still answered, and the record of a prediction that could not be stored says so.',
        response: {
          200: jsonResponse('The service accepts predictions.', statusSchema),
          503: unavailable('Not ready'),
        },
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
