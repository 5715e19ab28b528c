import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyServerOptions } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { MEMORY_LIMIT, RECEIVED_BODIES_BYTES } from '../../system/memory.js';
import { ownOpenFilesLimit } from '../../system/open-files.js';
import { whenClosed } from '../answers/when-closed.js';

/** The time and memory that a client may take. */
export interface Patience {
  /** To send a request's line and headers, from the connection's or the previous answer's end on. */
  readonly headersMilliseconds: number;
  /** To send a whole request: one that drips it byte by byte holds a connection no longer. */
  readonly requestMilliseconds: number;
  /** How long an answer waits for a client that reads nothing. */
  readonly stallMilliseconds: number;
  /** How often the first two are looked after. */
  readonly checkMilliseconds: number;
  /** Bytes of the bodies that are being received, all together. */
  readonly bodiesBytes: number;
  /** Connections at the same time; of one more nothing is read. */
  readonly connections: number;
}

export const PATIENCE: Patience = {
  headersMilliseconds: 20_000,
  requestMilliseconds: 60_000,
  // Buffers on the way, of some MB, hide what a reader of 50 kB/s takes for a minute.
  stallMilliseconds: 120_000,
  checkMilliseconds: 5_000,
  bodiesBytes: RECEIVED_BODIES_BYTES,
  // Each takes some 50 kB by itself; what its answer holds is bounded with all others'.
  connections: Math.floor(Math.min(4096, MEMORY_LIMIT / 2 ** 18)),
};

/**
 * Files that stay for others than connections: predictions that are read and written, the pipes to the service's own
 * processes, /proc, which is read every second. Without one for that the process ends, with what all its clients wait for.
 */
const RESERVED_FILES = 256;

/** Connections that are taken however few files there may be: some for probes, and some for who is to be served. */
const LEAST_CONNECTIONS = 16;

/** Clients that have vanished without a word are found out by TCP's own probes, which begin after this time. */
const KEEP_ALIVE_PROBE_MS = 60_000;

/** From this many bytes on, or characters, an answer is worth looking after. */
const LARGE = 64 * 1024;

/** The server's options for clients that send slowly. */
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
  /** How many files the process may have open. */
  readonly openFiles?: number;
}

/** Keeps clients that send or take little from holding much. */
export const slowClients = fastifyPlugin(
  async (app: FastifyInstance, { patience, openFiles = ownOpenFilesLimit() }: SlowClientsOptions) => {
    const room = Math.max(LEAST_CONNECTIONS, openFiles - RESERVED_FILES);
    app.server.maxConnections = Math.min(patience.connections, room);

    // The server's own time-out is as long as an answer may take to be ready; once it is, something has to move.
    app.addHook('onSend', async (_request, reply, payload) => {
      if (!isLarge(payload)) return;
      // One that waits for another before it on its connection does not stall yet.
      if (reply.raw.socket) limitStall(reply, reply.raw.socket);
      else reply.raw.once('socket', (socket) => limitStall(reply, socket));
    });

    /** How many large answers each connection carries: the next begins before the last is told to be over. */
    const answers = new WeakMap<Socket, number>();
    const count = (socket: Socket, change: number) => {
      answers.set(socket, (answers.get(socket) ?? 0) + change);
      return answers.get(socket);
    };

    function limitStall(reply: FastifyReply, socket: Socket): void {
      // A request that was injected has no connection that could stall.
      if (!socket.setTimeout) return;
      const { timeout } = app.server;
      const stall = Math.min(patience.stallMilliseconds, timeout || Number.POSITIVE_INFINITY);
      count(socket, 1);
      socket.setTimeout(stall);
      // Node sets it back on a connection that falls idle, not where the next request is there already.
      whenClosed(reply, () => {
        if (count(socket, -1) === 0 && socket.timeout === stall) socket.setTimeout(timeout);
      });
    }
  },
);

/** Whether more of an answer may wait for its client than buffers on the way take at once. */
function isLarge(payload: unknown): boolean {
  if (typeof payload === 'string' || payload instanceof Uint8Array) return payload.length > LARGE;
  return typeof payload === 'object' && payload !== null && 'pipe' in payload;
}
