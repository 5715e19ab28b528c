import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { type Span, type Tracer, within } from '../../tracing/tracer.js';

/** Paths without traces: probes and scrapes. */
const UNTRACED: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);

const SERVER_FAULT = 500;

/** Records a span for each request, in the trace that its `traceparent` names. The answer names the span. */
export const tracing = fastifyPlugin(async (app: FastifyInstance, { tracer }: { tracer: Tracer }) => {
  const spans = new WeakMap<FastifyRequest, Span>();

  app.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    if (UNTRACED.has(route)) {
      done();
      return;
    }
    const { traceparent } = request.headers;
    const span = tracer.start(`${request.method} ${route}`, {
      parent: typeof traceparent === 'string' ? traceparent : undefined,
      kind: 'server',
      attributes: {
        'http.request.method': request.method,
        'http.route': route,
        'url.path': request.url.split('?', 1)[0],
        'url.scheme': 'http',
      },
    });
    spans.set(request, span);
    reply.header('traceparent', span.traceparent);
    within(tracer, span, done);
  });

  // A body is read in another asynchronous context than the one in which the request began.
  app.addHook('preHandler', (request, _reply, done) => {
    const span = spans.get(request);
    if (span) within(tracer, span, done);
    else done();
  });

  app.addHook('onResponse', async (request, reply) => {
    const span = spans.get(request);
    span?.note({ 'http.response.status_code': reply.statusCode });
    span?.end(reply.statusCode >= SERVER_FAULT ? new Error(`answered ${reply.statusCode}`) : undefined);
  });
});
