import { existsSync, readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { transform, transformObject } from '../../openapi-document.js';

/** What Swagger UI's page may load. Its own policy would have it ask for everything by HTTPS, which may not be there. */
const PAGE_POLICY = {
  'default-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'self'",
  'img-src': ["'self'", 'data:'],
  'object-src': "'none'",
  'style-src': ["'self'", "'unsafe-inline'"],
};

export interface OpenapiOptions {
  readonly version: string;
  /** Whether the service has API keys: without any, Swagger UI shows no locks. */
  readonly hasKeys: boolean;
}

/** Colours of the project's page. */
const THEME = `
.swagger-ui .topbar { display: none }
.swagger-ui .opblock.opblock-post { border-color: #2f5fd0; background: #2f5fd012 }
.swagger-ui .opblock.opblock-post .opblock-summary-method, .swagger-ui .btn.execute { background: #2f5fd0; border-color: #2f5fd0 }
`;

/** The project's icon, where `npm run build` puts it or, in a clone that was not built, where it comes from. */
const ICONS = ['dist/web/icon.svg', 'web/public/icon.svg'].map(
  (path) => new URL(`../../../../${path}`, import.meta.url),
);

/** The icon as Swagger UI takes it; undefined, for its own, where there is none. */
function favicon() {
  const file = ICONS.find((path) => existsSync(path));
  if (!file) return undefined;
  return [
    { filename: 'icon.svg', rel: 'icon', sizes: 'any', type: 'image/svg+xml', content: readFileSync(file) },
  ];
}

/** The OpenAPI document at /openapi.json, made from the routes' schemas, and Swagger UI at /docs. */
export const openapi = fastifyPlugin(async (app: FastifyInstance, { version, hasKeys }: OpenapiOptions) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'ghn-serve',
        description:
          'Predicts the parameters of a neural network from its architecture, with a Graph HyperNetwork.',
        version,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'The service that this document comes from' }],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      // A key where the service wants one.
      security: [{}, { key: [] }],
      tags: [
        { name: 'predictions', description: 'Predict weights, and download them' },
        { name: 'catalogue', description: 'GHNs and architectures' },
        { name: 'hub', description: 'Predictions for Hugging Face’s clients' },
        { name: 'service', description: 'Health and metrics' },
      ],
    },
    transform,
    transformObject,
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_POLICY,
    // By default the page sends the document to a validator on the internet. There is a schema for each type of layer, so the
    // schemas are folded up.
    uiConfig: { validatorUrl: null, defaultModelsExpandDepth: 0 },
    theme: { title: 'ghn-serve: API', css: [{ filename: 'theme.css', content: THEME }], favicon: favicon() },
    transformSpecification: (document) => forPeople(document as OpenApiDocument, hasKeys),
  });
  let document: Buffer | null = null;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    document ??= Buffer.from(JSON.stringify(app.swagger()));
    return reply.type('application/json; charset=utf-8').send(document);
  });
});

type OpenApiDocument = Readonly<Record<string, unknown>> & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/**
 * The document as Swagger UI shows it: without HEAD, which says nothing beside GET, without the one server, and without locks
 * where there are no keys.
 */
function forPeople(
  { paths, security, servers: _, ...rest }: OpenApiDocument,
  hasKeys: boolean,
): Record<string, unknown> {
  const shown = Object.entries(paths).map(([path, { head: _head, ...operations }]) => [path, operations]);
  const { securitySchemes, ...components } = rest.components as Record<string, unknown>;
  return {
    ...rest,
    components: hasKeys ? { ...components, securitySchemes } : components,
    paths: Object.fromEntries(shown),
    ...(hasKeys && { security }),
  };
}
