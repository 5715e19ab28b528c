import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionError, FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { headersBeforeRoutes, PROBLEM_TYPE, problemText } from './problems.js';

/** By the codes that Node gives to what it cannot read. */
const ANSWERS: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not come to its end in time.'],
  HPE_HEADER_OVERFLOW: [431, 'The path and the headers are longer together than the service reads.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunks’ extensions are longer than the service reads.'],
};
const MALFORMED = [400, 'This is not HTTP as the service reads it.'] as const;

/** The last answer on each connection. */
const answers = new WeakMap<Socket, ServerResponse>();

/** Knows which answers are under way, for `refuseMalformed`. */
export const malformedHttp = fastifyPlugin(async (app: FastifyInstance) => {
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    answers.set(socket, response);
  });
});

/**
 * Answers what cannot be read as a request, so never comes to a route, and ends its connection. Into an answer that is
 * being sent it writes nothing, since its client would take that for a part of it, nor a second one behind that of a
 * request whose body turns out to be malformed.
 */
export function refuseMalformed({ code }: ConnectionError, socket: Socket): void {
  const answer = answers.get(socket);
  const isAnswered = answer?.headersSent && !(answer.writableFinished && answer.req.complete);
  if (code === 'ECONNRESET' || !socket.writable || isAnswered) {
    socket.destroy();
    return;
  }
  const [status, detail] = ANSWERS[code] ?? MALFORMED;
  endWithProblem(socket, { status, detail });
}

/** Answers what has no response that could be written to. */
function endWithProblem(socket: Duplex, problem: { status: number; detail: string }): void {
  const body = problemText(problem);
  const headers = {
    'content-type': PROBLEM_TYPE,
    'content-length': Buffer.byteLength(body),
    ...headersBeforeRoutes(randomUUID()),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('')}\r\n${body}`,
    () => socket.destroy(),
  );
}
