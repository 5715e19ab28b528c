import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { transform, transformObject } from './openapi-document.js';

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

/** The OpenAPI document at /openapi.json, made from the routes' schemas, and Swagger UI at /docs. */
export const openapi = fastifyPlugin(async (app: FastifyInstance, { version }: { version: string }) => {
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
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      // A key where the service wants one.
      security: [{}, { key: [] }],
      tags: [
        { name: 'predictions', description: 'Weights for architectures' },
        { name: 'catalogue', description: 'What the service knows' },
        { name: 'hub', description: 'The same for Hugging Face’s clients' },
        { name: 'service', description: 'How the service is' },
      ],
    },
    transform,
    transformObject,
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_POLICY,
    // Else it shows the document to a service of others.
    uiConfig: { validatorUrl: null },
  });
  let document: Buffer | null = null;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    document ??= Buffer.from(JSON.stringify(app.swagger()));
    return reply.type('application/json; charset=utf-8').send(document);
  });
});
