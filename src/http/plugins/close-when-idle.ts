import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

export interface CloseWhenIdleOptions {
  readonly receivingMilliseconds?: number;
}

/** A request that has not come whole so long after the server began to close is given up: Node looks after it no more. */
const RECEIVING_MS = 10_000;

/**
 * Lets the server close with every answer sent to its end, and without waiting for connections that clients keep for
 * more. Node's own way cuts answers that are written and not yet sent, and leaves connections that fall idle later.
 */
export const closeWhenIdle = fastifyPlugin(
  async (app: FastifyInstance, { receivingMilliseconds = RECEIVING_MS }: CloseWhenIdleOptions) => {
    /** The requests of each connection whose answers are not over. */
    const connections = new Map<Socket, Set<IncomingMessage>>();
    let isClosing = false;

    app.server.on('connection', (socket: Socket) => {
      connections.set(socket, new Set());
      socket.once('close', () => connections.delete(socket));
    });
    app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      const requests = connections.get(socket);
      requests?.add(request);
      response.once('close', () => {
        requests?.delete(request);
        if (isClosing && !requests?.size) socket.destroySoon();
      });
    });
    // The server calls this when it begins to close.
    app.server.closeIdleConnections = () => {
      if (!isClosing) setTimeout(giveUpReceiving, receivingMilliseconds).unref();
      isClosing = true;
      for (const [socket, requests] of connections) if (requests.size === 0) socket.destroy();
    };

    function giveUpReceiving(): void {
      for (const [socket, requests] of connections) {
        if ([...requests].some(({ complete }) => !complete)) socket.destroy();
      }
    }
  },
);
