import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { JobEvent } from '../../predictions/board/board.js';
import type { Predictions } from '../../predictions/predictions.js';
import { STATUSES } from '../../record/record.js';
import { EventFeed, isOver, lastPlace, recordMessage } from './event-feed.js';
import { idParameters, unknownPrediction } from './parameters.js';

/** Time for which the final event of a prediction is cached for other clients. */
const SHARED_MS = 1000;

/** Schema of one event: before version 3.2, OpenAPI has no schemas for streams. */
const eventSchema = z
  .object({
    event: z.enum([...STATUSES, 'stage']),
    id: z
      .string()
      .optional()
      .describe(
        'Position in the stream. To continue after this event, send it as `last-event-id` in another request.',
      ),
    data: z.string().meta({
      contentMediaType: 'application/json',
      description:
        'First the whole record; then the fields that changed, with `id` and `status`; or `{"stage": …}`.',
    }),
  })
  .meta({ id: 'PredictionEvent' });

/** Streams the changes of a prediction until it has succeeded or failed. */
export const events: FastifyPluginAsyncZod<{ predictions: Predictions }> = async (app, { predictions }) => {
  const feeds = new Map<string, Promise<EventFeed | null>>();
  const finals = new Map<string, { readonly message: Promise<Buffer>; readonly since: number }>();

  app.get(
    '/predictions/:id/events',
    {
      schema: {
        tags: ['predictions'],
        operationId: 'followPrediction',
        summary: 'Follow a prediction as server-sent events',
        description:
          'Sends an event, named after the status, at every change. The first has the whole record; later ones have `id`, `status` and the fields that changed. An event `stage` is sent when a stage begins. The stream ends after the last event. A client that does not read is disconnected.',
        params: idParameters,
        headers: z.looseObject({
          'last-event-id': z
            .string()
            .max(100)
            .optional()
            .describe(
              'The `id` of the last event that the client received. The stream continues after it, on any service of the cluster.',
            ),
        }),
        response: {
          200: {
            description: 'The events, each as in the schema.',
            headers: z.object({ 'cache-control': z.literal('no-store') }),
            content: { 'text/event-stream': { schema: eventSchema } },
          },
          204: z.undefined().describe('The client has already received the last event.'),
          404: unknownPrediction,
        },
      },
    },
    async ({ params: { id }, headers: { 'last-event-id': heard } }, reply) => {
      const feed = await feedOf(id);
      const isLast = heard !== undefined && !feed && lastPlace(await predictions.record(id)) === heard;
      // A browser reconnects whenever a stream ends, unless it gets a 204.
      if (isLast) return reply.code(204).send();
      reply.headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      if (feed && heard !== undefined) return reply.send((await followFrom(feed, id, heard)) as never);
      // Sent as bytes and not as a stream, so that the bytes which wait for slow clients are counted.
      return reply.send((feed ? feed.follow() : await finalMessage(id)) as never);
    },
  );

  /**
   * Returns a stream of the events after the one that the client received last. If they are not known, it begins with
   * the current record.
   */
  async function followFrom(feed: EventFeed, id: string, heard: string): Promise<Readable> {
    const before = feed.told;
    const missed = await predictions.missed(id, heard);
    return feed.follow(missed && { events: missed, before });
  }

  /** Returns the only event of a prediction that has ended. Clients that ask at the same time share it. */
  function finalMessage(id: string): Promise<Buffer> {
    const now = performance.now();
    for (const [other, { since }] of finals) if (now - since > SHARED_MS) finals.delete(other);
    const known = finals.get(id);
    if (known) return known.message;
    const message = predictions.record(id).then(recordMessage);
    finals.set(id, { message, since: now });
    return message;
  }

  /** Returns the feed of a prediction in progress, or null if it has ended. */
  function feedOf(id: string): Promise<EventFeed | null> {
    const known = feeds.get(id);
    if (known) return known;
    const opening = openFeed(id, () => {
      if (feeds.get(id) === opening) feeds.delete(id);
    });
    feeds.set(id, opening);
    return opening;
  }

  async function openFeed(id: string, onEnd: () => void): Promise<EventFeed | null> {
    const early: JobEvent[] = [];
    let tell = (event: JobEvent): void => {
      early.push(event);
    };
    const watch = await predictions
      .watch(id, (event) => tell(event))
      .catch((error: unknown) => {
        onEnd();
        throw error;
      });
    if (!watch || isOver(watch.record)) {
      watch?.unwatch();
      onEnd();
      return null;
    }
    const feed = new EventFeed(watch.record, () => {
      onEnd();
      watch.unwatch();
    });
    tell = (event) => feed.tell(event);
    for (const event of early) feed.tell(event);
    return feed;
  }
};
