import { Readable } from 'node:stream';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { JobEvent } from '../../predictions/job.js';
import type { Predictions } from '../../predictions/predictions.js';
import { type PredictionRecord, STATUSES } from '../../predictions/record.js';
import { idParameters, unknownPrediction } from './parameters.js';
import { viewOf } from './view.js';

/** Proxies end connections on which nothing happens; a comment now and then is something. */
const KEEP_ALIVE_MS = 15_000;

/** One event: a stream has no schema of its own before OpenAPI 3.2. */
const eventSchema = z.object({
  event: z.enum([...STATUSES, 'stage']),
  data: z
    .string()
    .meta({ contentMediaType: 'application/json', description: 'The record, or `{"stage": …}`.' }),
});

const isOver = ({ status }: PredictionRecord) => status !== 'queued' && status !== 'running';

const message = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** What happens to a prediction, until it is made or has come to nothing. */
export const events: FastifyPluginAsyncZod<{ predictions: Predictions }> = async (app, { predictions }) => {
  app.get(
    '/predictions/:id/events',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'followPrediction',
        summary: 'Follow a prediction as server-sent events',
        description:
          'An event named after the status, with the record, at every change; `stage` as each stage begins. The last ends ' +
          'the stream.',
        params: idParameters,
        response: {
          200: {
            description: 'The events, each as the schema has it.',
            headers: z.object({ 'cache-control': z.literal('no-store') }),
            content: { 'text/event-stream': { schema: eventSchema } },
          },
          404: unknownPrediction,
        },
      },
    },
    async ({ params: { id } }, reply) => {
      const stream = new Readable({ read() {} });
      const keepAlive = setInterval(() => stream.push(': still here\n\n'), KEEP_ALIVE_MS);
      let unwatch: (() => void) | null = null;
      let isEnded = false;
      /** A slow client may read for long what is written: nothing may come after the end of that. */
      const end = () => {
        isEnded = true;
        clearInterval(keepAlive);
        // Its record is still to get its statistics.
        unwatch?.();
      };
      const follow = (event: JobEvent) => {
        if (isEnded) return;
        if ('stage' in event) {
          stream.push(message('stage', event));
          return;
        }
        stream.push(message(event.record.status, viewOf(event.record)));
        if (!isOver(event.record)) return;
        stream.push(null);
        end();
      };
      unwatch = predictions.watch(id, follow);
      stream.once('close', end);
      try {
        const record = predictions.progress(id) ?? (await predictions.record(id));
        follow({ record });
      } catch (error) {
        stream.destroy();
        throw error;
      }
      return reply
        .headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
        .send(stream as never);
    },
  );
};
