import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Metrics } from '../../metrics/metrics.js';

/** Times every request, by its route's pattern, and counts the bytes of its answer. */
export const requestMetrics = fastifyPlugin(
  async (app: FastifyInstance, { metrics }: { metrics: Metrics }) => {
    const writtenBefore = new WeakMap<FastifyRequest, number>();

    // A connection carries one answer after the other.
    app.addHook('onRequest', async (request) => {
      writtenBefore.set(request, bytesWritten(request));
    });
    app.addHook('onResponse', async (request, reply) => {
      const route = request.routeOptions.url ?? 'none';
      metrics.request(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
      metrics.sent(bytesWritten(request) - writtenBefore.get(request)!);
    });
  },
);

/** To its connection so far; 0 for a request that was injected and has none. */
const bytesWritten = ({ raw }: FastifyRequest): number => raw.socket.bytesWritten ?? 0;
