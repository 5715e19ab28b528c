import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** One listener for all who wait for an answer's end: Node takes more than ten for a leak. */
const waiting = new WeakMap<ServerResponse, (() => void)[]>();

/** Calls back when an answer is over; at once where its client has gone before there was one. */
export function whenClosed({ raw }: FastifyReply, callback: () => void): void {
  if (raw.closed) {
    callback();
    return;
  }
  const callbacks = waiting.get(raw);
  if (callbacks) {
    callbacks.push(callback);
    return;
  }
  const own = [callback];
  waiting.set(raw, own);
  raw.once('close', () => {
    for (const each of own) each();
  });
}
