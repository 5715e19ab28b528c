import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { z } from 'zod';
import { isOpen } from './authentication.js';

const noQuery = z.strictObject({});

/**
 * What a route has no use for in a query is refused: a `dtype` beside POST /predict would else be passed over, and the
 * weights be others than those that were meant. Probes are answered whatever they carry.
 */
export const knownQueries = fastifyPlugin(async (app: FastifyInstance) => {
  app.addHook('onRoute', ({ url, schema }) => {
    if (schema && !schema.hide && !isOpen(url)) schema.querystring ??= noQuery;
  });
});
