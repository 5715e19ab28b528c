import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import secureJson from 'secure-json-parse';

/** The body is not JSON, or hides keys that would reach into an object's prototype. */
class MalformedJsonError extends Error {
  readonly statusCode = 400;
}

/** Bodies are JSON; of one that is not, the answer says where. Other media types are answered with 415. */
export const jsonBody = fastifyPlugin(async (app: FastifyInstance) => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => {
      if (body.trim() === '') throw new MalformedJsonError('The body is empty: JSON is expected.');
      try {
        return secureJson.parse(body) as unknown;
      } catch (error) {
        throw new MalformedJsonError(`The body is not JSON: ${(error as Error).message}`);
      }
    },
  );
});
