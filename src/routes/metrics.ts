import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Metrics } from '../metrics/metrics.js';

export const metricsRoute: FastifyPluginAsyncZod<{ metrics: Metrics }> = async (app, { metrics }) => {
  app.get(
    '/metrics',
    {
      schema: {
        tags: ['service'],
        operationId: 'getMetrics',
        summary: 'Metrics for Prometheus',
        description: 'If API keys are set, `METRICS_KEY` opens this path and no other.',
        response: {
          200: { description: 'The metrics.', content: { 'text/plain': { schema: z.string() } } },
        },
      },
    },
    async (_request, reply) =>
      reply.type(metrics.registry.contentType).send((await metrics.registry.metrics()) as never),
  );
};
