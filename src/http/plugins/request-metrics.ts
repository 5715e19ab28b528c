import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Metrics } from '../../metrics/metrics.js';

/** Measures the time of every request, by the pattern of its route, and counts the bytes of its answer. */
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

/** Returns the bytes written to the request's connection so far; 0 for an injected request, which has none. */
const bytesWritten = ({ raw }: FastifyRequest): number => raw.socket.bytesWritten ?? 0;
