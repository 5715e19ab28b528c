import { existsSync, readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { transform, transformObject } from '../../openapi-document.js';

/**
 * Content security policy of Swagger UI's page. Its default policy requests everything by HTTPS, which the service may
 * not have.
 */
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
  /** True if the service has API keys. Without any, Swagger UI shows no locks. */
  readonly hasKeys: boolean;
}

/** Colours of the project's page. */
const THEME = `
.swagger-ui .topbar { display: none }
.swagger-ui .opblock.opblock-post { border-color: #2f5fd0; background: #2f5fd012 }
.swagger-ui .opblock.opblock-post .opblock-summary-method, .swagger-ui .btn.execute { background: #2f5fd0; border-color: #2f5fd0 }
`;

/** Paths of the project's icon: in a built clone, and in one that was not built. */
const ICONS = ['dist/web/icon.svg', 'web/public/icon.svg'].map(
  (path) => new URL(`../../../../${path}`, import.meta.url),
);

/** Returns the icon in the form that Swagger UI takes; undefined, for Swagger UI's own icon, if there is no file. */
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
      // A key, if the service needs one.
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
    // By default, the page sends the document to a validator on the internet. The list of schemas is collapsed, since
    // there is one for each layer type.
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
 * Returns the document for Swagger UI: without HEAD, which adds nothing to GET, without the only server, and without
 * locks if there are no keys.
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
