import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { type Expected, RequestBoundary } from '../requests/request-boundary.js';

/**
 * Largest number of requests on one connection that Node has read at once in spite of `RequestReader`; more are an
 * attack.
 */
const MAX_WAITING = 8;

const HEAD: Expected = { part: 'head' };

/**
 * Handles one request of a connection at a time: the next is read once the answer before it has ended. Node would read
 * and start all requests that fit into 64 KB, and hold their answers until the client has read the first.
 */
export const oneAtATime = fastifyPlugin(async (app: FastifyInstance) => {
  const readers = new WeakMap<Socket, RequestReader>();

  app.server.on('connection', (socket: Socket) => {
    readers.set(socket, new RequestReader(socket));
  });
  const begin = (request: IncomingMessage, response: ServerResponse) => {
    readers.get(request.socket)?.begin(request, response);
  };
  app.server.prependListener('request', begin);
  app.server.prependListener('checkExpectation', begin);
  const stop = (socket: Socket | undefined) => socket && readers.get(socket)?.stop();
  app.server.prependListener('clientError', (_error: Error, socket: Socket) => stop(socket));
  app.server.prependListener('connect', (request: IncomingMessage) => stop(request.socket));

  // If two requests were read at once after all, the second waits here.
  app.addHook('onRequest', async ({ raw }, reply) => {
    const reader = readers.get(raw.socket);
    if (reader && !(await reader.turnOf(raw))) reply.hijack();
  });
});

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly expected: Expected;
}

/** Gives Node's parser the bytes of one request, and those of the next once the answer has ended. */
class RequestReader {
  readonly #socket: Socket;
  readonly #boundary = new RequestBoundary();
  /** Exchanges that have not ended, in order. A request may be answered before its body has arrived completely. */
  readonly #exchanges: Exchange[] = [];
  readonly #waiting = new Map<IncomingMessage, (isItsTurn: boolean) => void>();
  #feed: (chunk: Buffer) => void = () => {};
  #isStopped = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    // This is Node's own listener. Once there is another, Node's parser no longer takes bytes directly from the socket.
    const [feed] = socket.listeners('data') as ((chunk: Buffer) => void)[];
    if (!feed) return;
    this.#feed = (chunk) => feed.call(socket, chunk);
    socket.removeListener('data', feed);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.once('close', () => {
      for (const leave of this.#waiting.values()) leave(false);
    });
  }

  /** Adds an exchange when a request's head was read. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    this.#exchanges.push({ request, response, expected: bodyOf(request) });
    if (this.#exchanges.length > MAX_WAITING) this.#socket.destroy();
    response.once('close', () => {
      this.#forgetOver();
      if (this.#exchanges.length === 0 && !this.#isStopped) this.#socket.resume();
    });
  }

  /** Waits until the answers before it have ended. Returns false if the connection has ended. */
  async turnOf(request: IncomingMessage): Promise<boolean> {
    if (this.#exchanges[0]?.request === request) return true;
    if (this.#socket.destroyed) return false;
    const isItsTurn = await new Promise<boolean>((resolve) => this.#waiting.set(request, resolve));
    this.#waiting.delete(request);
    return isItsTurn;
  }

  /** Stops reading: the bytes that follow cannot be a request. */
  stop(): void {
    this.#isStopped = true;
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#isStopped && !this.#socket.destroyed; ) {
      const current = this.#exchanges.at(-1);
      if (current?.request.complete) {
        this.#socket.pause();
        // A stream whose buffer is full stops reading by itself.
        this.#socket.unshift(chunk.subarray(at));
        return;
      }
      const end = this.#boundary.end(chunk, at, current?.expected ?? HEAD);
      this.#feed(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
      at = end;
      this.#forgetOver();
      if (this.#exchanges.at(-1) !== current || current?.request.complete) this.#boundary.reset();
    }
  }

  #forgetOver(): void {
    const isOver = ({ request, response }: Exchange) => response.closed && request.complete;
    while (this.#exchanges[0] && isOver(this.#exchanges[0])) this.#exchanges.shift();
    const next = this.#exchanges[0];
    if (next) this.#waiting.get(next.request)?.(true);
  }
}

function bodyOf({ headers }: IncomingMessage): Expected {
  if (headers['transfer-encoding'] !== undefined) return { part: 'chunked body' };
  return { part: 'sized body', bytes: Number(headers['content-length'] ?? 0) };
}
