import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { sendProblem } from './problems.js';

/** Swagger UI's own routes, which it registers with and without a slash at their end. */
const DOCUMENTATION = '/docs';

/**
 * Remembers the methods of every path; `refuseOtherMethods`, called once all routes are there, answers the others with
 * 405 and `allow` instead of 404.
 */
export const methodNotAllowed = fastifyPlugin(async (app: FastifyInstance) => {
  const methodsOf = new Map<string, Set<string>>();

  app.addHook('onRoute', ({ url, method }) => {
    if (url.startsWith(DOCUMENTATION)) return;
    const methods = methodsOf.get(url) ?? new Set<string>();
    for (const name of [method].flat()) methods.add(name);
    methodsOf.set(url, methods);
  });

  app.decorate('refuseOtherMethods', () => {
    for (const [url, methods] of [...methodsOf]) {
      const allow = [...methods].sort().join(', ');
      const others = app.supportedMethods.filter((method) => !methods.has(method)) as HTTPMethods[];
      if (others.length === 0) continue;
      const refuse = async ({ method }: FastifyRequest, reply: FastifyReply) =>
        sendProblem(reply.header('allow', allow), {
          status: 405,
          detail: `${method} is not a method of this path; it has ${allow}.`,
        });
      // On the request, not on its body: that need not even be one that the service could read.
      app.route({ method: others, url, schema: { hide: true }, onRequest: refuse, handler: refuse });
    }
  });
});

declare module 'fastify' {
  interface FastifyInstance {
    refuseOtherMethods(): void;
  }
}
