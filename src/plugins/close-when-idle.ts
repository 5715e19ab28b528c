import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

/**
 * Lets the server close with every answer sent to its end, and without waiting for connections that clients keep for
 * more. Node's own way cuts answers that are written and not yet sent, and leaves connections that fall idle later.
 */
export const closeWhenIdle = fastifyPlugin(async (app: FastifyInstance) => {
  /** How many answers are under way on each connection. */
  const connections = new Map<Socket, number>();
  let isClosing = false;

  app.server.on('connection', (socket: Socket) => {
    connections.set(socket, 0);
    socket.once('close', () => connections.delete(socket));
  });
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    connections.set(socket, (connections.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (connections.get(socket) ?? 1) - 1;
      if (connections.has(socket)) connections.set(socket, left);
      if (isClosing && left === 0) socket.destroySoon();
    });
  });
  // What the server calls when it begins to close.
  app.server.closeIdleConnections = () => {
    isClosing = true;
    for (const [socket, answers] of connections) if (answers === 0) socket.destroy();
  };
});
