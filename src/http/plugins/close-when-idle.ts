import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

export interface CloseWhenIdleOptions {
  readonly receivingMilliseconds?: number;
}

/**
 * Time after which a request that is still arriving when the server closes is given up. Node no longer checks its own
 * time limits then.
 */
const RECEIVING_MS = 10_000;

/**
 * Lets the server close once every answer has been sent completely, without waiting for connections that clients keep
 * open. Node by itself would cut answers that are written but not sent, and would keep connections that become idle
 * later.
 */
export const closeWhenIdle = fastifyPlugin(
  async (app: FastifyInstance, { receivingMilliseconds = RECEIVING_MS }: CloseWhenIdleOptions) => {
    /** Requests of each connection whose answers have not ended. */
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
    // Node calls this function when the server begins to close.
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
