import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { type CountTogether, RateWindows } from '../../requests/rate-windows.js';
import { clientOf } from '../authentication.js';
import { TooManyRequestsError } from '../problems.js';

export interface ProtectionOptions {
  /** Origins whose pages may call the service. If there are none, browsers allow only its own page. */
  readonly origins: readonly string[];
  /** Limit of requests per minute for each key or address; 0 for no limit. */
  readonly rateLimit: number;
  /** True if the service has keys. A key is checked before its request is counted. */
  readonly hasKeys: boolean;
  /** Counts requests for several services together. */
  readonly countTogether?: CountTogether;
}

/** Probes must not be refused. */
const UNLIMITED = new Set(['/livez', '/readyz']);

/** Response headers that a page of another origin may read, besides those that it always may. */
const EXPOSED_HEADERS = [
  'accept-ranges',
  'allow',
  'content-disposition',
  'content-range',
  'etag',
  'location',
  'preference-applied',
  'retry-after',
  'server-timing',
  'www-authenticate',
  'x-request-id',
  'x-ghn-warnings',
  'x-tensor-dtype',
  'x-tensor-shape',
];

/** Returns true if a browser asks what a page of another origin may do. */
const isPreflight = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined && headers['access-control-request-method'] !== undefined;

/** Sets security headers, allows the pages of other origins, and limits the rate of requests. */
export const protection = fastifyPlugin(async (app: FastifyInstance, options: ProtectionOptions) => {
  await app.register(helmet, {
    // The service speaks HTTP, and only a proxy in front of it knows about TLS. Swagger UI's page has a separate
    // policy.
    hsts: false,
    contentSecurityPolicy: false,
    crossOriginResourcePolicy: options.origins.length > 0 ? { policy: 'cross-origin' } : undefined,
  });
  if (options.origins.length > 0) {
    const shared = {
      origin: options.origins.includes('*') ? '*' : [...options.origins],
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      exposedHeaders: EXPOSED_HEADERS,
    };
    await app.register(cors, {
      // An OPTIONS request that does not come from a browser gets the path's methods, as without CORS.
      delegator: (request, callback) => callback(null, { ...shared, preflight: isPreflight(request) }),
    });
  }
  if (options.rateLimit > 0) {
    await app.register(rateLimit, {
      max: options.rateLimit,
      timeWindow: 60_000,
      store: class extends RateWindows {
        constructor() {
          super({ together: options.countTogether });
        }
      },
      keyGenerator: clientOf(options.hasKeys),
      allowList: (request) => UNLIMITED.has(request.routeOptions.url ?? ''),
      errorResponseBuilder: (_request, { ttl }) => new TooManyRequestsError(Math.ceil(ttl / 1000)),
    });
  }
});
