import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

/** Logs a line for each request that was refused or failed. Bodies, queries and headers may hold secrets: they are left out. */
export const refusalLog = fastifyPlugin(async (app: FastifyInstance) => {
  app.addHook('onResponse', async ({ id, method, url, log }, { statusCode }) => {
    if (statusCode < 400) return;
    const line = { request_id: id, method, path: url.split('?', 1)[0], status: statusCode };
    if (statusCode < 500) log.info(line, 'refused');
    else log.warn(line, 'refused');
  });
});
