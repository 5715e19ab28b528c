import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { sendProblem } from './problems.js';

/**
 * Remembers the methods of every path; `refuseOtherMethods`, called once all routes are there, answers the others with
 * 405 and `allow` instead of 404.
 */
export const methodNotAllowed = fastifyPlugin(async (app: FastifyInstance) => {
  // Known to Node, not to Fastify; CONNECT is for no path.
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
    // Fastify reports a path with and without a final slash as two routes, each with some of the methods.
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
      // On the request, not on its body: that need not even be one that the service could read.
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
