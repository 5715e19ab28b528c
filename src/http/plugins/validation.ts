import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { z } from 'zod';
import { ArchitectureError, FaultList } from '../../architecture/faults.js';
import { addZodFaults } from '../../architecture/zod-faults.js';
import { InvalidRequestError } from '../../predictions/errors.js';

/** Validates requests by the routes' zod schemas, and refuses invalid ones with all faults. */
export const validation = fastifyPlugin(async (app: FastifyInstance) => {
  app.setValidatorCompiler<z.ZodType>(({ schema }) => (value) => {
    const { data, error } = schema.safeParse(value);
    return error ? { error: invalidRequest(error, value) } : { value: data };
  });
  // The TypeScript compiler checks answers against their schemas. Checking them again here would take longer than
  // making them.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
});

function invalidRequest(error: z.ZodError, value: unknown): Error {
  const faults = new FaultList();
  try {
    addZodFaults(faults, error, value, []);
    faults.throwIfAny();
  } catch (found) {
    if (found instanceof ArchitectureError) return new InvalidRequestError(found.faults);
    throw found;
  }
  return new InvalidRequestError([]);
}
