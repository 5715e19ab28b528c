import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { sendProblem } from './problems.js';

/**
 * Records the methods of every path. `refuseOtherMethods`, called once all routes are registered, answers the others
 * with 405 and `allow` instead of 404.
 */
export const methodNotAllowed = fastifyPlugin(async (app: FastifyInstance) => {
  // Methods that Node knows and Fastify does not. CONNECT has no path.
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method);
  }
  const methodsOf = new Map<string, Set<string>>();

  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set<string>();
    for (const name of [method].flat()) methods.add(name);
    methodsOf.set(url, methods);
  });

  app.decorate('refuseOtherMethods', () => {
    // Fastify reports a path with and without a final slash as two routes, and each has some of the methods.
    const known = [...methodsOf].map(([url, methods]) => {
      const others = methodsOf.get(url.replace(/\/$/, '')) ?? [];
      return [url, new Set([...methods, ...others])] as const;
    });
    for (const [url, methods] of known) {
      const allow = [...methods].sort().join(', ');
      const others = app.supportedMethods.filter((method) => !methods.has(method)) as HTTPMethods[];
      if (others.length === 0) continue;
      const refuse = async ({ method }: FastifyRequest, reply: FastifyReply) =>
        sendProblem(reply.header('allow', allow), {
          code: 'method_not_allowed',
          detail: `${method} is not a method of this path; it has ${allow}.`,
        });
      // Refuses before the body is read: the service might not be able to read it.
      const onRequest = app.hasDecorator('rateLimit') ? [app.rateLimit(), refuse] : refuse;
      app.route({ method: others, url, schema: { hide: true }, onRequest, handler: refuse });
    }
  });
});

declare module 'fastify' {
  interface FastifyInstance {
    refuseOtherMethods(): void;
  }
}
