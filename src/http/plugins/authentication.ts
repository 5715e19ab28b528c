import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { clientAddress } from '../requests/rate-windows.js';
import { sendProblem, TooManyRequestsError } from './problems.js';

/** Paths that probes and browsers need before they have a key. The page asks for a key itself. */
const OPEN_PATHS = /^\/(livez|readyz|docs(\/.*)?|icon\.svg|assets\/.*)?$/;

/**
 * Paths that are answered under any load: an orchestrator must not end a busy service, and a person can see why it is
 * busy.
 */
const METRICS = '/metrics';
const PROBES = new Set(['/livez', '/readyz', METRICS]);

/** Whether a request is a probe. */
export const isProbe = ({ routeOptions }: FastifyRequest): boolean => PROBES.has(routeOptions.url ?? '');

/** Whether that path needs no key. */
export const isOpen = (path: string): boolean => OPEN_PATHS.test(path);

/** Whether a request needs a key, where there are any. */
export const needsKey = ({ url }: FastifyRequest): boolean => !isOpen(url.split('?', 1)[0]);

/** A key may be given as its digest, so that the settings hold no secret. */
const HASHED = /^sha256:([0-9a-f]{64})$/;

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** The key that a request carries, or null. */
export function bearerKey({ headers }: FastifyRequest): string | null {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

/**
 * Identifies the client, for limits by client: its key once that has been checked, otherwise its address. An unchecked
 * key proves nothing: a client could send a new one with each request and have no limit.
 */
export const clientOf =
  (hasKeys: boolean) =>
  (request: FastifyRequest): string =>
    (hasKeys && needsKey(request) && bearerKey(request)) || clientAddress(request.ip);

export interface AuthenticationOptions {
  /** Keys, or `sha256:` and their digests, that open every route. None, and every route but /metrics is open. */
  readonly keys: readonly string[];
  /** Keys that open /metrics alone. None, and /metrics is as open as the other routes. */
  readonly metricsKeys: readonly string[];
}

function digestOf(key: string): Buffer {
  const hashed = HASHED.exec(key)?.[1];
  return hashed ? Buffer.from(hashed, 'hex') : sha256(key);
}

/**
 * Refuses requests without one of the keys. They are compared by digest and each to its end, so that the time it takes
 * tells nothing about them. Where requests are limited, so is how often an address may guess.
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
