import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { jsonResponse } from '../http/answers/responses.js';

/** The folder where `npm run build` puts the page. */
const PAGE_FOLDER = fileURLToPath(new URL('../../dist/web/', import.meta.url));

/** Content security policy: the page loads only from this service, and has no inline scripts or styles. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // The editor's icons are data URLs in its style sheet.
  "img-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

/** The names of the page's files contain digests of their contents, so browsers never need to fetch them again. */
const ASSETS_MAX_AGE = '1y';

const indexSchema = z
  .object({
    name: z.literal('ghn-serve'),
    version: z.string(),
    links: z.object({
      predict: z.string(),
      predictions: z.string(),
      architectures: z.string(),
      ghns: z.string(),
      documentation: z.string(),
      openapi: z.string(),
      metrics: z.string(),
    }),
  })
  .meta({ id: 'Index' });

const LINKS = {
  predict: 'predict',
  predictions: 'predictions',
  architectures: 'architectures',
  ghns: 'ghns',
  documentation: 'docs',
  openapi: 'openapi.json',
  metrics: 'metrics',
};

export interface PageOptions {
  readonly version: string;
  /** The folder of the built page; by default the one in the package. */
  readonly folder?: string;
}

/** Serves the page at `/` to browsers, and an index of links to other clients. */
export const page: FastifyPluginAsyncZod<PageOptions> = async (app, { version, folder = PAGE_FOLDER }) => {
  const html = await readFile(`${folder}/index.html`).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    app.log.warn('the page was not built, so / answers with an index of links: run `npm run build`');
    return null;
  });
  app.get(
    '/',
    {
      schema: {
        tags: ['service'],
        operationId: 'getIndex',
        summary: 'The page for browsers, or an index of links for other clients',
        description:
          'Links are relative to the address of this answer, so they also work behind a path prefix.',
        response: {
          200: {
            ...jsonResponse('The index, or the page.', indexSchema, z.object({ vary: z.literal('accept') })),
            content: {
              'application/json': { schema: indexSchema },
              'text/html': { schema: z.any().meta({ type: 'string' }) },
            },
          },
        },
      },
    },
    async (request, reply) => {
      reply.header('vary', 'accept');
      if (html === null || !acceptsHtml(request.headers.accept)) {
        return { name: 'ghn-serve' as const, version, links: LINKS };
      }
      return reply
        .headers({
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': PAGE_POLICY,
          // The page names its scripts by their digests, so an older page must not outlive an upgrade.
          'cache-control': 'no-cache',
        })
        .send(html as never);
    },
  );
  if (html === null) return;
  await app.register(fastifyStatic, {
    root: folder,
    // Registers a route for each file, so that other paths are answered with a problem.
    wildcard: false,
    index: false,
    decorateReply: false,
    globIgnore: ['index.html*'],
    preCompressed: true,
    immutable: true,
    maxAge: ASSETS_MAX_AGE,
  });
};

/** Returns true for browsers that open a page: they ask for HTML; scripts and command lines do not. */
const acceptsHtml = (accept: string | undefined): boolean => accept?.includes('text/html') ?? false;
