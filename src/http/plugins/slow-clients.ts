import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyServerOptions } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { MEMORY_LIMIT, RECEIVED_BODIES_BYTES } from '../../system/memory.js';
import { ownOpenFilesLimit } from '../../system/open-files.js';
import { whenClosed } from '../answers/when-closed.js';

/** Limits of the time and memory that a client may take. */
export interface Patience {
  /**
   * Time to send a request's line and headers, counted from the start of the connection or the end of the previous
   * answer.
   */
  readonly headersMilliseconds: number;
  /** Time to send a whole request, so that a client that sends it byte by byte cannot hold a connection longer. */
  readonly requestMilliseconds: number;
  /** Time that an answer waits for a client that reads nothing. */
  readonly stallMilliseconds: number;
  /** Time between two checks of the first two limits. */
  readonly checkMilliseconds: number;
  /** Limit of bytes of all bodies that are being received. */
  readonly bodiesBytes: number;
  /** Largest number of open connections. Nothing is read from any more. */
  readonly connections: number;
}

export const PATIENCE: Patience = {
  headersMilliseconds: 20_000,
  requestMilliseconds: 60_000,
  // Buffers on the way hold some MB, so a reader at 50 kB/s may seem to read nothing for a minute.
  stallMilliseconds: 120_000,
  checkMilliseconds: 5_000,
  bodiesBytes: RECEIVED_BODIES_BYTES,
  // A connection takes about 50 kB by itself; the bytes of its answer count towards a limit for all answers.
  connections: Math.floor(Math.min(4096, MEMORY_LIMIT / 2 ** 18)),
};

/**
 * File descriptors that are reserved for other uses than connections: reading and writing predictions, pipes to child
 * processes, and /proc, which is read every second. If these run out, the process ends, and with it all answers that
 * clients wait for.
 */
const RESERVED_FILES = 256;

/** Connections that are accepted however few files may be open, for probes and for a few clients. */
const LEAST_CONNECTIONS = 16;

/**
 * Clients that vanish without closing their connection are detected by TCP's own probes, which begin after this time.
 */
const KEEP_ALIVE_PROBE_MS = 60_000;

/** Answers with at least this many bytes or characters are watched. */
const LARGE = 64 * 1024;

/** Returns the server's options for clients that send slowly. */
export function receiving({
  headersMilliseconds,
  requestMilliseconds,
  checkMilliseconds,
}: Patience): Pick<FastifyServerOptions, 'requestTimeout'> & { readonly http: object } {
  return {
    requestTimeout: requestMilliseconds,
    http: {
      headersTimeout: headersMilliseconds,
      connectionsCheckingInterval: checkMilliseconds,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
    },
  };
}

export interface SlowClientsOptions {
  readonly patience: Patience;
  /** Number of files that the process may have open. */
  readonly openFiles?: number;
}

/** Limits the resources that clients which send or read slowly can hold. */
export const slowClients = fastifyPlugin(
  async (app: FastifyInstance, { patience, openFiles = ownOpenFilesLimit() }: SlowClientsOptions) => {
    const room = Math.max(LEAST_CONNECTIONS, openFiles - RESERVED_FILES);
    app.server.maxConnections = Math.min(patience.connections, room);

    // The server's own time-out limits how long an answer takes to begin. Once it has begun, it has to make progress.
    app.addHook('onSend', async (_request, reply, payload) => {
      if (!isLarge(payload)) return;
      // An answer that waits for an earlier one on its connection does not stall yet.
      if (reply.raw.socket) limitStall(reply, reply.raw.socket);
      else reply.raw.once('socket', (socket) => limitStall(reply, socket));
    });

    /** Number of large answers on each connection: the next begins before the end of the last is reported. */
    const answers = new WeakMap<Socket, number>();
    const count = (socket: Socket, change: number) => {
      answers.set(socket, (answers.get(socket) ?? 0) + change);
      return answers.get(socket);
    };

    function limitStall(reply: FastifyReply, socket: Socket): void {
      // An injected request has no connection that could stall.
      if (!socket.setTimeout) return;
      const { timeout } = app.server;
      const stall = Math.min(patience.stallMilliseconds, timeout || Number.POSITIVE_INFINITY);
      count(socket, 1);
      socket.setTimeout(stall);
      // Node resets the time-out only if the connection becomes idle, not if the next request is there already.
      whenClosed(reply, () => {
        if (count(socket, -1) === 0 && socket.timeout === stall) socket.setTimeout(timeout);
      });
    }
  },
);

/**
 * Returns true if an answer is larger than what buffers on the way can hold, so that part of it may wait for its
 * client.
 */
function isLarge(payload: unknown): boolean {
  if (typeof payload === 'string' || payload instanceof Uint8Array) return payload.length > LARGE;
  return typeof payload === 'object' && payload !== null && 'pipe' in payload;
}
