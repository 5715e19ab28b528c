import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { z } from 'zod';
import { isOpen } from './authentication.js';

const noQuery = z.strictObject({});

/**
 * Refuses query parameters that a route does not use: if a `dtype` in the query of POST /predict were ignored, the
 * weights would not be those that the client meant. Probes are answered whatever their query is.
 */
export const knownQueries = fastifyPlugin(async (app: FastifyInstance) => {
  app.addHook('onRoute', ({ url, schema }) => {
    if (schema && !schema.hide && !isOpen(url)) schema.querystring ??= noQuery;
  });
});
