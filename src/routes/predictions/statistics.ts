import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Predictions } from '../../predictions/predictions.js';
import { statisticsSchema } from '../../statistics/schema.js';
import { problemResponse } from '../responses.js';
import { idParameters, unknownPrediction } from './parameters.js';

/** Whether a prediction's weights are any good. */
export const statistics: FastifyPluginAsyncZod<{ predictions: Predictions }> = async (
  app,
  { predictions },
) => {
  app.get(
    '/predictions/:id/statistics',
    {
      schema: {
        tags: ['predictions'],
        summary: 'Statistics of each tensor and of the network',
        description:
          '`effective_rank` and `mean_abs_cosine` show how diverse a weight is: predicted weights are not very, and ' +
          'post-processing restores it.',
        params: idParameters,
        response: {
          200: statisticsSchema,
          404: unknownPrediction,
          409: problemResponse('There are no weights: not yet (`retry-after`), or never'),
          503: problemResponse('The computation was lost; try again'),
        },
      },
    },
    async ({ params }) => predictions.statistics(params.id),
  );
};
