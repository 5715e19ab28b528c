import type { FastifyReply } from 'fastify';
import { NotFoundError } from '../../predictions/errors.js';

/** Codes by which Hugging Face's clients tell errors apart. */
export type HubErrorCode = 'RepoNotFound' | 'RevisionNotFound' | 'EntryNotFound';

/** An error together with the code by which clients tell it. */
export function coded(reply: FastifyReply, code: HubErrorCode, error: Error): Error {
  // A line break or a character beyond Latin-1 cannot stand in a header.
  reply.headers({
    'x-error-code': code,
    'x-error-message': error.message.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 1000),
  });
  return error;
}

/** Runs `work`. If it throws because something is missing, the answer gets the code. */
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
