import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { requestSignal } from '../../http/answers/request-signal.js';
import { jsonResponse, notReady, unavailable } from '../../http/answers/responses.js';
import type { Predictions } from '../../predictions/predictions.js';
import { statisticsSchema } from '../../statistics/schema.js';
import { tensorLinks } from './links.js';
import { idParameters, unknownPrediction } from './parameters.js';

export interface StatisticsOptions {
  readonly predictions: Predictions;
  readonly timeoutMilliseconds: number;
}

/** Route for the statistics of a prediction's weights. */
export const statistics: FastifyPluginAsyncZod<StatisticsOptions> = async (
  app,
  { predictions, timeoutMilliseconds },
) => {
  app.get(
    '/predictions/:id/statistics',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'getStatistics',
        summary: 'Statistics of each tensor and of the network',
        description:
          '`effective_rank` and `mean_abs_cosine` show how diverse a weight is. Predicted weights are not very diverse; post-processing restores the diversity.',
        params: idParameters,
        response: {
          200: jsonResponse('The statistics.', statisticsSchema),
          404: unknownPrediction,
          409: notReady,
          503: unavailable('The computation was interrupted; try again'),
        },
      },
      links: { 200: tensorLinks },
    },
    async ({ params }, reply) => {
      const signal = requestSignal(reply, timeoutMilliseconds);
      const json = await predictions.statistics(params.id, signal);
      // The bytes are shared by all clients that ask for them.
      return reply.type('application/json; charset=utf-8').send(json as never);
    },
  );
};
