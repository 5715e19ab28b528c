import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { sendProblem, TooManyRequestsError } from './problems.js';

const refuse = (request: FastifyRequest, reply: FastifyReply) =>
  sendProblem(reply, { code: 'not_found', detail: `Nothing is at ${request.method} ${request.url}.` });

/**
 * Answers requests without a route with 404, and does not read their bodies. If requests are limited, these count too:
 * a client that tries out paths also sends requests.
 */
export const notFound = fastifyPlugin(async (app: FastifyInstance) => {
  const count = app.hasDecorator('createRateLimit') ? app.createRateLimit() : null;
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return;
    const asked = await count?.(request);
    if (asked && !asked.isAllowed && asked.isExceeded) throw new TooManyRequestsError(asked.ttlInSeconds);
    return refuse(request, reply);
  });
  // For routes that find nothing.
  app.setNotFoundHandler(refuse);
});
