import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';

/** A path's rest is a parameter like any other to those who read the document; the router calls it `*`. */
const transform: typeof jsonSchemaTransform = (document) => {
  const { schema, url } = jsonSchemaTransform(document);
  const properties = (schema.params as { properties?: Record<string, unknown> } | undefined)?.properties;
  if (!url.endsWith('/*') || !properties) return { schema, url };
  const { '*': rest, ...others } = properties;
  const params = {
    type: 'object',
    properties: { ...others, name: rest },
    required: [...Object.keys(others), 'name'],
  };
  return { schema: { ...schema, params }, url: url.replace('*', ':name') };
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
        { name: 'service', description: 'How the service is' },
      ],
    },
    transform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
});
