import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** One listener for all who wait for an answer's end: Node takes more than ten for a leak. */
const waiting = new WeakMap<ServerResponse, (() => void)[]>();

/** Callbacks that end the answers of each connection. */
const endings = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back when an answer is over; at once where its client has gone before there was one. Of an answer that waits for
 * those before it on its connection Node never says that it is closed: that its connection is has to do.
 */
export function whenClosed({ raw }: FastifyReply, callback: () => void): void {
  const { socket } = raw.req;
  if (raw.closed || socket.destroyed) {
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
  const onConnection = endingsOf(socket);
  const end = () => {
    if (!onConnection.delete(end)) return;
    for (const each of own) each();
  };
  onConnection.add(end);
  raw.once('close', end);
}

function endingsOf(socket: Socket): Set<() => void> {
  let found = endings.get(socket);
  if (!found) {
    const all = new Set<() => void>();
    socket.once('close', () => {
      for (const end of all) end();
    });
    endings.set(socket, all);
    found = all;
  }
  return found;
}
