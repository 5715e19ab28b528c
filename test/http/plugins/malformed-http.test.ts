import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { malformedHttp, refuseMalformed } from '../../../src/http/plugins/malformed-http.js';
import { requestId, requestIdOf } from '../../../src/http/plugins/request-id.js';
import { expectProblem } from '../../helpers/problems.js';
import { raw } from '../../helpers/raw.js';

let app: FastifyInstance;
let url: string;
beforeAll(async () => {
  app = Fastify({
    clientErrorHandler: refuseMalformed,
    genReqId: requestIdOf,
    requestTimeout: 300,
    http: { headersTimeout: 300, connectionsCheckingInterval: 50, requireHostHeader: false },
  });
  await app.register(requestId);
  await app.register(malformedHttp);
  app.get('/endless', (_request, reply) => {
    const stream = new Readable({ read() {} });
    stream.push('part');
    return reply.send(stream);
  });
  app.post('/echo', async (request) => request.body);
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => app.close());

describe('bytes that are not HTTP are answered with a problem, and the connection is closed:', () => {
  it.each([
    ['no request line', 'GARBAGE\r\n\r\n', 400],
    ['a control character in a path', 'GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['a header without a name', 'GET / HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
      400,
    ],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a path that is too long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 431],
    ['headers that are too long', `GET / HTTP/1.1\r\nhost: x\r\na: ${'b'.repeat(20_000)}\r\n\r\n`, 431],
    [
      'extensions of a chunk that are too long',
      `POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1;${'a'.repeat(20_000)}\r\n`,
      413,
    ],
    ['a request that does not come to its end', 'GET / HTTP/1.1\r\nhost:', 408],
    ['a proxy’s request', 'CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n', 501],
    ['an expectation', 'GET / HTTP/1.1\r\nhost: x\r\nexpect: tea\r\n\r\n', 417],
  ])('%s', async (_, text, status) => {
    const { headers, body, ...answer } = await raw(url, text);
    expectProblem({ ...answer, headers, body: JSON.parse(body) }, status);
    expect(headers).toMatchObject({ connection: 'close', 'x-content-type-options': 'nosniff' });
    expect(Number(headers['content-length'])).toBe(Buffer.byteLength(body));
  });
});

it('a request of HTTP/1.1 without a host is refused with a problem, one of HTTP/1.0 is not', async () => {
  const echo = (version: string) =>
    raw(url, `POST /echo HTTP/${version}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  const { body, ...answer } = await echo('1.1');
  expectProblem({ ...answer, body: JSON.parse(body) }, 400, { detail: /host/ });
  expect((await echo('1.0')).status).toBe(200);
});

it('a request that was answered before its body turns out to be malformed is not answered twice', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
  socket.write('POST /nowhere HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await expect.poll(() => text).toMatch(/^HTTP\/1\.1 404/);
  socket.write('NOT A LENGTH\r\n');
  await once(socket, 'close');
  expect(text.split('HTTP/1.1')).toHaveLength(2);
});

it.each(['GARBAGE\r\n\r\n', 'CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n'])(
  'nothing is written into an answer that is being sent, by %j',
  async (behind) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /endless HTTP/1.1\r\nhost: x\r\n\r\n');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await expect.poll(() => text).toContain('part');
    const closed = once(socket, 'close');
    socket.on('error', () => {});
    socket.write(behind);
    await closed;
    expect(text.split('HTTP/1.1')).toHaveLength(2);
    expect(text).not.toContain('problem');
  },
);
