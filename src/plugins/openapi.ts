import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { transform, transformObject } from './openapi-document.js';

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
        { name: 'service', description: 'How the service is' },
      ],
    },
    transform,
    transformObject,
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
});
