import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { clientAddress } from '../requests/rate-windows.js';
import { sendProblem, TooManyRequestsError } from './problems.js';

/**
 * Paths that need no key, because probes and browsers request them before they have one. The page itself asks for a
 * key.
 */
const OPEN_PATHS = /^\/(livez|readyz|docs(\/.*)?|icon\.svg|assets\/.*)?$/;

/**
 * Paths that are answered under any load: an orchestrator must not restart a busy service, and a person must be able to
 * see why it is busy.
 */
const METRICS = '/metrics';
const PROBES = new Set(['/livez', '/readyz', METRICS]);

/** Returns true if a request is a probe. */
export const isProbe = ({ routeOptions }: FastifyRequest): boolean => PROBES.has(routeOptions.url ?? '');

/** Returns true if a path needs no key. */
export const isOpen = (path: string): boolean => OPEN_PATHS.test(path);

/** Returns true if a request needs a key, provided that there are keys. */
export const needsKey = ({ url }: FastifyRequest): boolean => !isOpen(url.split('?', 1)[0]);

/** The form of a key that is given as its digest, so that the settings hold no secret. */
const HASHED = /^sha256:([0-9a-f]{64})$/;

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** Returns the key in a request, or null. */
export function bearerKey({ headers }: FastifyRequest): string | null {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

/**
 * Identifies the client for limits: by its key once that has been checked, otherwise by its address. An unchecked key
 * proves nothing: a client could send a new one with each request to avoid every limit.
 */
export const clientOf =
  (hasKeys: boolean) =>
  (request: FastifyRequest): string =>
    (hasKeys && needsKey(request) && bearerKey(request)) || clientAddress(request.ip);

export interface AuthenticationOptions {
  /**
   * Keys that open every route, in plain text or as `sha256:` and a digest. If there are none, every route except
   * /metrics is open.
   */
  readonly keys: readonly string[];
  /** Keys that open only /metrics. If there are none, /metrics is as open as the other routes. */
  readonly metricsKeys: readonly string[];
}

function digestOf(key: string): Buffer {
  const hashed = HASHED.exec(key)?.[1];
  return hashed ? Buffer.from(hashed, 'hex') : sha256(key);
}

/**
 * Refuses requests without a valid key. Keys are compared by digest, each to its end, so that the time gives no
 * information about them. If requests are limited, guesses of keys are limited too.
 */
export const authentication = fastifyPlugin(
  async (app: FastifyInstance, { keys, metricsKeys }: AuthenticationOptions) => {
    if (keys.length === 0 && metricsKeys.length === 0) return;
    const digests = keys.map(digestOf);
    const digestsOfMetrics = [...keys, ...metricsKeys].map(digestOf);
    const guesses = app.hasDecorator('createRateLimit')
      ? app.createRateLimit({ keyGenerator: ({ ip }) => clientAddress(ip) })
      : null;
    app.addHook('onRequest', async (request, reply) => {
      const isMetrics = request.routeOptions.url === METRICS;
      if (!needsKey(request) || (keys.length === 0 && !isMetrics)) return;
      const given = bearerKey(request);
      const digest = sha256(given ?? '');
      const matches = (isMetrics ? digestsOfMetrics : digests).map((known) => timingSafeEqual(known, digest));
      if (given !== null && matches.includes(true)) return;
      const guess = await guesses?.(request);
      if (guess && !guess.isAllowed && guess.isExceeded) throw new TooManyRequestsError(guess.ttlInSeconds);
      return sendProblem(reply.header('www-authenticate', 'Bearer'), {
        code: 'unauthorized',
        detail: 'This service needs a key: send `authorization: Bearer KEY`.',
      });
    });
  },
);
