import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionError, FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { PROBLEM_TYPE } from '../problems/problem.js';
import { PROBLEM_KINDS, type ProblemCode } from '../problems/problem-kinds.js';
import { headersBeforeRoutes, type ProblemAnswer, problemText, sendProblem } from './problems.js';
import { requestIdOf } from './request-id.js';

/** Answers by the codes of Node's parse errors. */
const ANSWERS: Readonly<Record<string, readonly [code: ProblemCode, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request did not arrive completely in time.'],
  HPE_HEADER_OVERFLOW: [
    'headers_too_large',
    'The path and the headers together are longer than the service accepts.',
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    'body_too_large',
    'The chunk extensions are longer than the service accepts.',
  ],
};
const MALFORMED = ['bad_request', 'The service cannot read this as HTTP.'] as const;

/** The last answer on each connection. */
const answers = new WeakMap<Duplex, ServerResponse>();

/**
 * Records which answers are being written, for `refuseMalformed`. It also answers requests that Node would refuse
 * without giving the reason, such as a request without a host if `requireHostHeader` is false.
 */
export const malformedHttp = fastifyPlugin(async (app: FastifyInstance) => {
  const { server } = app;
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    answers.set(socket, response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const body = problemText({
      code: 'expectation_failed',
      detail: 'The only expectation that the service supports is 100-continue.',
    });
    response.writeHead(417, headersOf(body, requestIdOf(request))).end(body);
  });
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy());
    endWithProblem(socket, {
      code: 'not_implemented',
      detail: 'The service is not a proxy.',
    });
  });
  app.addHook('onRequest', async ({ raw }, reply) => {
    if (raw.httpVersion !== '1.1' || raw.headers.host !== undefined) return;
    const detail = 'An HTTP/1.1 request needs the header host.';
    return sendProblem(reply.header('connection', 'close'), { code: 'bad_request', detail });
  });
});

/** Answers bytes that cannot be parsed as a request, so never reach a route, and ends the connection. */
export function refuseMalformed({ code }: ConnectionError, socket: Socket): void {
  const [problem, detail] = ANSWERS[code] ?? MALFORMED;
  if (code === 'ECONNRESET') socket.destroy();
  else endWithProblem(socket, { code: problem, detail });
}

/**
 * Writes a problem directly to a connection, and ends it. It writes nothing into an answer that is being sent, since
 * the client would take it for a part of the answer, and no second answer to a request whose body turns out to be
 * malformed.
 */
function endWithProblem(socket: Duplex, problem: ProblemAnswer): void {
  const answer = answers.get(socket);
  const isAnswered = answer?.headersSent && !(answer.writableFinished && answer.req.complete);
  if (!socket.writable || isAnswered) {
    socket.destroy();
    return;
  }
  const { status } = PROBLEM_KINDS[problem.code];
  const body = problemText(problem);
  const headers = headersOf(body, randomUUID());
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`, () =>
    socket.destroy(),
  );
}

/** Headers of the last answer on a connection. */
const headersOf = (body: string, requestId: string) => ({
  'content-type': PROBLEM_TYPE,
  'content-length': Buffer.byteLength(body),
  ...headersBeforeRoutes(requestId),
  connection: 'close',
});
