import type { FastifyReply } from 'fastify';
import { whenClosed } from './when-closed.js';

/** The request took longer than the service allows. */
export class RequestTimeoutError extends Error {
  constructor(milliseconds: number) {
    super(`there was no answer after ${milliseconds} ms; try again`);
  }
}

/** The client has disconnected, so no one reads the answer. */
export class ClientGoneError extends Error {}

/** Returns a signal that aborts when the client disconnects before its answer has ended, or after a time. */
export function requestSignal(reply: FastifyReply, timeoutMilliseconds: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new RequestTimeoutError(timeoutMilliseconds)),
    timeoutMilliseconds,
  );
  whenClosed(reply, () => {
    clearTimeout(timer);
    if (!reply.raw.writableFinished) controller.abort(new ClientGoneError('the client has gone'));
  });
  return controller.signal;
}
