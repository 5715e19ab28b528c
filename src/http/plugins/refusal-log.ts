import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { isProbe } from './authentication.js';

/**
 * Logs a line for each request that was refused or failed, except probes, which come several times a second while the
 * GHNs are loaded. Bodies, queries and headers are left out, since they may hold secrets.
 */
export const refusalLog = fastifyPlugin(async (app: FastifyInstance) => {
  app.addHook('onResponse', async (request, { statusCode }) => {
    const { id, method, url, log } = request;
    if (statusCode < 400 || isProbe(request)) return;
    const line = { request_id: id, method, path: url.split('?', 1)[0], status: statusCode };
    if (statusCode < 500) log.info(line, 'refused');
    else log.warn(line, 'refused');
  });
});
