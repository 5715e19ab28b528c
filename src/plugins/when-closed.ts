import type { FastifyReply } from 'fastify';

/** Calls back when an answer is over; at once where its client has gone before there was one. */
export function whenClosed({ raw }: FastifyReply, callback: () => void): void {
  if (raw.closed) callback();
  else raw.once('close', callback);
}
