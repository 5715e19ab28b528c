import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { type Expected, RequestBoundary } from '../requests/request-boundary.js';

/** Requests that Node has read at once in spite of `RequestReader`, on one connection: more are an attack. */
const MAX_WAITING = 8;

const HEAD: Expected = { part: 'head' };

/**
 * Takes one request of a connection at a time: the next is read once the answer before it is over. Node would read and
 * begin all that fit into 64 KB, and hold what they come to until the client has read the first.
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

  // Where two requests were read at once all the same, the second waits here.
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

/** Gives Node's parser the bytes of one request, and the next request's once the answer is over. */
class RequestReader {
  readonly #socket: Socket;
  readonly #boundary = new RequestBoundary();
  /** Exchanges that are not over, in order. A request may be answered before its body has arrived completely. */
  readonly #exchanges: Exchange[] = [];
  readonly #waiting = new Map<IncomingMessage, (isItsTurn: boolean) => void>();
  #feed: (chunk: Buffer) => void = () => {};
  #isStopped = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Node's own listener. As soon as there is another, Node's parser no longer takes bytes past the socket's events.
    const [feed] = socket.listeners('data') as ((chunk: Buffer) => void)[];
    if (!feed) return;
    this.#feed = (chunk) => feed.call(socket, chunk);
    socket.removeListener('data', feed);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.once('close', () => {
      for (const leave of this.#waiting.values()) leave(false);
    });
  }

  /** A request's head was read. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    this.#exchanges.push({ request, response, expected: bodyOf(request) });
    if (this.#exchanges.length > MAX_WAITING) this.#socket.destroy();
    response.once('close', () => {
      this.#forgetOver();
      if (this.#exchanges.length === 0 && !this.#isStopped) this.#socket.resume();
    });
  }

  /** Waits until the answers before it are over; false where its connection has ended. */
  async turnOf(request: IncomingMessage): Promise<boolean> {
    if (this.#exchanges[0]?.request === request) return true;
    if (this.#socket.destroyed) return false;
    const isItsTurn = await new Promise<boolean>((resolve) => this.#waiting.set(request, resolve));
    this.#waiting.delete(request);
    return isItsTurn;
  }

  /** Anything else is no readable request. */
  stop(): void {
    this.#isStopped = true;
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#isStopped && !this.#socket.destroyed; ) {
      const current = this.#exchanges.at(-1);
      if (current?.request.complete) {
        this.#socket.pause();
        // A stream that has buffered enough stops reading by itself.
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
