import type { FastifyRequest } from 'fastify';
import type { Limits } from '../../../architecture/limits.js';
import type { Executor } from '../../../predictor/executor.js';
import { ClientGoneError } from '../../answers/request-signal.js';
import type { BodyReader } from './body-reader.js';

export interface ReadLargeOptions {
  readonly reader: BodyReader;
  readonly limits: Limits;
  readonly executor: Pick<Executor, 'description'>;
  /** Identifies the client: a key or an address. */
  readonly clientOf: (request: FastifyRequest) => string;
}

/**
 * Reads large bodies with the reader. Those of /predict are also planned; for others, the reader only checks that they
 * are JSON.
 */
export function readLarge({ reader, limits, executor, clientOf }: ReadLargeOptions) {
  return async (bytes: Buffer, request: FastifyRequest): Promise<unknown> => {
    const { socket } = request.raw;
    const controller = new AbortController();
    const leave = () => controller.abort(new ClientGoneError('the client has gone'));
    if (socket.destroyed) leave();
    socket.once('close', leave);
    try {
      const client = clientOf(request);
      if (request.routeOptions.url === '/predict') {
        const planning = { limits, description: executor.description };
        return await reader.plan(bytes, planning, client, controller.signal);
      }
      await reader.check(bytes, client, controller.signal);
      return null;
    } finally {
      socket.off('close', leave);
    }
  };
}
