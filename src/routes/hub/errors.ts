import type { FastifyReply } from 'fastify';
import { NotFoundError } from '../../predictions/errors.js';

/** Error codes of Hugging Face's protocol. */
export type HubErrorCode = 'RepoNotFound' | 'RevisionNotFound' | 'EntryNotFound';

/** Adds the headers with the error's code and message to the answer. */
export function coded(reply: FastifyReply, code: HubErrorCode, error: Error): Error {
  // Headers cannot contain line breaks or characters beyond Latin-1.
  reply.headers({
    'x-error-code': code,
    'x-error-message': error.message.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 1000),
  });
  return error;
}

/** Runs `work`. If it throws because something is missing, adds the code to the answer. */
export async function withCode<T>(
  reply: FastifyReply,
  code: HubErrorCode,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isMissing = error instanceof NotFoundError || (error as Error).name === 'UnknownArchitectureError';
    throw isMissing ? coded(reply, code, error as Error) : error;
  }
}
