import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { type CountTogether, RateWindows } from '../../requests/rate-windows.js';
import { clientOf } from '../authentication.js';
import { TooManyRequestsError } from '../problems.js';

export interface ProtectionOptions {
  /** Origins whose pages may call the service; none, and browsers keep to its own. */
  readonly origins: readonly string[];
  /** Requests a minute from one key or address; 0 for any number. */
  readonly rateLimit: number;
  /** Whether who asks has a key, which has been checked before requests are counted. */
  readonly hasKeys: boolean;
  /** Counts for several services together. */
  readonly countTogether?: CountTogether;
}

/** Probes must not be turned away. */
const UNLIMITED = new Set(['/livez', '/readyz']);

/** What a page of another origin may read of an answer, beside what it always may. */
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

/** Whether a browser asks what a page of another origin may do. */
const isPreflight = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined && headers['access-control-request-method'] !== undefined;

/** Security headers, other origins' pages, and how often one client may ask. */
export const protection = fastifyPlugin(async (app: FastifyInstance, options: ProtectionOptions) => {
  await app.register(helmet, {
    // The service speaks HTTP; whether TLS stands before it, the proxy knows. Swagger UI's page has its own policy.
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
      // An OPTIONS that is no browser's question is told what the path has, as without CORS.
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
