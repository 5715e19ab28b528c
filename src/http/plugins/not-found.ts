import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { sendProblem, TooManyRequestsError } from './problems.js';

const refuse = (request: FastifyRequest, reply: FastifyReply) =>
  sendProblem(reply, { code: 'not_found', detail: `Nothing is at ${request.method} ${request.url}.` });

/**
 * Answers with 404 what no route is for, whatever its body, which is not read. Where requests are limited, so are these:
 * who tries out paths asks as well.
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
