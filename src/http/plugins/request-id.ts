import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

export const REQUEST_ID_HEADER = 'x-request-id';

/** Form of an id that a client may choose. It is checked because the id goes into logs and headers. */
const ACCEPTED = /^[\w.:/+=-]{1,128}$/;

/**
 * Returns the request id that the client sent, if its form is valid, and a new one otherwise. With the same id, a
 * client's log can be matched with the service's.
 */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : randomUUID();
}

/** Adds the request's id to every response. */
export const requestId = fastifyPlugin(async (app: FastifyInstance) => {
  app.addHook('onRequest', async (request, reply) => {
    reply.header(REQUEST_ID_HEADER, request.id);
  });
});
