import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** Callbacks that wait for the end of each answer. They share one listener, because Node warns of a leak above ten. */
const waiting = new WeakMap<ServerResponse, (() => void)[]>();

/** Callbacks that end the answers of each connection. */
const endings = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back when an answer has ended, or at once if its client is gone already. Node emits no `close` for an answer
 * that waits for earlier answers on its connection, so the end of the connection counts as its end.
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
