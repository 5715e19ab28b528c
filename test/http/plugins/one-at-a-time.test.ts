import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { malformedHttp, refuseMalformed } from '../../../src/http/plugins/malformed-http.js';
import { oneAtATime } from '../../../src/http/plugins/one-at-a-time.js';

let app: FastifyInstance;
const sockets: Socket[] = [];
/** Paths of the requests that were started. */
const begun: string[] = [];
let atOnce = 0;
let mostAtOnce = 0;
const streams: Readable[] = [];

beforeEach(async () => {
  begun.length = 0;
  streams.length = 0;
  atOnce = 0;
  mostAtOnce = 0;
  app = Fastify({ forceCloseConnections: true, clientErrorHandler: refuseMalformed });
  await app.register(oneAtATime);
  await app.register(malformedHttp);
  app.addHook('onRequest', async ({ url }) => {
    begun.push(url);
    atOnce++;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
  });
  app.addHook('onResponse', async () => {
    atOnce--;
  });
  app.get('/large', async () => 'x'.repeat(2 ** 20));
  app.get('/huge', async (_request, reply) => {
    const stream = Readable.from(endless());
    streams.push(stream);
    return reply.send(stream);
  });
  app.post('/echo', async ({ body }) => JSON.stringify(body));
  app.post('/refused', { onRequest: async (_request, reply) => reply.code(403).send('no') }, async () => '');
  app.get('/*', async ({ url }) => url);
  await app.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

async function* endless() {
  for (;;) {
    yield Buffer.alloc(2 ** 16);
    await setTimeout(0);
  }
}

function open(): Socket {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;

function post(path: string, body: string, isChunked: boolean, trailers = ''): string {
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
  if (!isChunked) return `${head}content-length: ${body.length}\r\n\r\n${body}`;
  const half = Math.ceil(body.length / 2);
  const chunks = [body.slice(0, half), body.slice(half)].filter(Boolean);
  const written = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
  return `${head}transfer-encoding: chunked\r\n\r\n${written}0\r\n${trailers}\r\n`;
}

/** Sends a text in pieces. Returns the answers' bodies once the server has ended the connection. */
async function exchange(pieces: readonly string[]): Promise<string[]> {
  const socket = open();
  const closed = once(socket, 'close');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  for (const piece of pieces) {
    socket.write(piece, 'latin1');
    await setTimeout(1);
  }
  await closed;
  return bodies(text);
}

function bodies(text: string): string[] {
  const found: string[] = [];
  for (let rest = text; rest !== ''; ) {
    const head = rest.slice(0, rest.indexOf('\r\n\r\n') + 4);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    found.push(rest.slice(head.length, head.length + length));
    rest = rest.slice(head.length + length);
  }
  return found;
}

const LAST = get('/last', 'connection: close\r\n');

describe('requests of one connection', () => {
  it('are started one after the other, however many arrive at once', async () => {
    const paths = Array.from({ length: 900 }, (_, index) => `/${index}`);
    const answers = await exchange([paths.map((path) => get(path)).join('') + LAST]);
    expect(answers).toEqual([...paths, '/last']);
    expect(mostAtOnce).toBe(1);
  });

  it('are answered correctly, in any pieces and forms', async () => {
    const request = fc.oneof(
      fc.integer({ min: 0, max: 99 }).map((n) => ({ text: get(`/${n}`), answer: `/${n}` })),
      fc
        .record({
          value: fc.oneof(
            fc.string({ unit: fc.constantFrom('0', '\n', '\r', 'a') }),
            fc.constant('\r\n0\r\n\r\n'),
          ),
          isChunked: fc.boolean(),
          trailers: fc.constantFrom('', 'x-trailer: 1\r\n'),
        })
        .map(({ value, isChunked, trailers }) => {
          // JSON with white space inside, as it may arrive.
          const body = `"${JSON.stringify(value).slice(1, -1)}"${value.replaceAll(/[^\r\n]/g, '')}`;
          return { text: post('/echo', body, isChunked, trailers), answer: JSON.stringify(value) };
        }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 6 }),
        async (requests, cuts) => {
          const text = requests.map((each) => each.text).join('') + LAST;
          const pieces: string[] = [];
          let at = 0;
          for (const length of cuts) {
            pieces.push(text.slice(at, at + length));
            at += length;
          }
          pieces.push(text.slice(at));
          const answers = await exchange(pieces.filter(Boolean));
          expect(answers).toEqual([...requests.map(({ answer }) => answer), '/last']);
        },
      ),
      { numRuns: 60 },
    );
    expect(mostAtOnce).toBe(1);
  });

  it('wait while the answer before them is not read', async () => {
    const socket = open();
    socket.pause();
    socket.write(get('/huge').repeat(3) + get('/never').repeat(1000));
    while (begun.length === 0) await setTimeout(5);
    await setTimeout(200);
    expect(begun).toEqual(['/huge']);
  });

  it('are dropped with their connection, as is the answer that is being sent', async () => {
    const socket = open();
    socket.pause();
    socket.write(get('/huge').repeat(100));
    while (streams.length === 0) await setTimeout(5);
    socket.destroy();
    while (!streams[0].destroyed) await setTimeout(5);
    await setTimeout(50);
    expect(begun).toEqual(['/huge']);
  });

  it('are answered after one that was refused before its body had arrived', async () => {
    const answers = await exchange([
      'POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n0123456789',
      `0123456789${LAST}`,
    ]);
    expect(answers).toEqual(['no', '/last']);
  });

  it('that are malformed are answered with an error after the answers before them', async () => {
    const answers = await exchange([`${get('/first')}nonsense\r\n\r\n${get('/never')}`]);
    expect(answers[0]).toBe('/first');
    expect(JSON.parse(answers[1])).toMatchObject({ status: 400 });
    expect(begun).toEqual(['/first']);
  });
});
